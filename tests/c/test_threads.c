/* A host of many threads: one lock around the network, as nr.h asks for, and
 * everything else at once. ThreadSanitizer sees here what a host would. */

#include <pthread.h>
#include <unistd.h>

#include "making.h"

enum { RUNNERS = 3, OBSERVERS = 2, TRAININGS = 6 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static nr_net *resting;
static atomic_bool over;
static atomic_int wrong, done;

static void expect(bool ok) {
    if (!ok) atomic_fetch_add(&wrong, 1);
}

static nr_net *snapshot(void) {
    pthread_mutex_lock(&lock);
    nr_net *net = nr_net_clone(resting);
    pthread_mutex_unlock(&lock);
    return net;
}

/* Runs, dumps and reads back what others change meanwhile. */
static void *run_on_and_on(void *argument) {
    (void)argument;
    nr_error error;
    float rows[9 * 4] = {1, 2, 3, 4}, outputs[9 * 3], again[9 * 3];
    while (!atomic_load(&over)) {
        nr_buf dump = {0};
        nr_net *net = snapshot(), *back = NULL;
        expect(nr_net_run(net, rows, 9, outputs, &error) == NR_OK);
        expect(nr_net_dump(net, &dump, &error) == NR_OK);
        expect(nr_net_load(dump.data, dump.len, 0, &back, &error) == NR_OK);
        expect(nr_net_run(back, rows, 9, again, &error) == NR_OK);
        expect(!memcmp(outputs, again, sizeof outputs));
        nr_net_free(back);
        nr_net_free(net);
        nr_buf_free(&dump);
    }
    return NULL;
}

static void *observe_on_and_on(void *argument) {
    nr_error error;
    float row[5] = {0, 1, 2, 3, 1};
    for (unsigned i = 0; !atomic_load(&over); i++) {
        row[0] = (float)(i % 100);
        row[4] = (float)(i % 3);
        pthread_mutex_lock(&lock);
        expect(nr_net_observe(resting, row, 1, *(nr_dataset_id *)argument,
                              &error) == NR_OK);
        pthread_mutex_unlock(&lock);
        usleep(20);
    }
    return NULL;
}

/* Trains and merges; others look at its progress and stop it. */
static void *train_again_and_again(void *argument) {
    nr_error error;
    for (int i = 0; i < TRAININGS; i++) {
        nr_net *net = snapshot(), *trained = NULL;
        nr_trainer *t = NULL;
        expect(nr_trainer_create(net, argument, &t, &error) == NR_OK);
        nr_net_free(net);
        while (nr_trainer_step(t, 0)) {}
        expect(nr_trainer_finish(t, 0, &trained, &error) == NR_OK);
        nr_trainer_free(t);
        pthread_mutex_lock(&lock);
        nr_status status = nr_net_merge(resting, trained, &error);
        pthread_mutex_unlock(&lock);
        expect(status == NR_OK || status == NR_STALE);
        atomic_fetch_add(&done, status == NR_OK);
        nr_net_free(trained);
    }
    return NULL;
}

static void test_all_at_once(void) {
    nr_dataset_id which[OBSERVERS] = {NR_DATASET_TRAIN, NR_DATASET_ANY};
    pthread_t trainers[2], runners[RUNNERS], observers[OBSERVERS];
    resting = make("NR.CREATE k CLASSIFIER 4 8 6 -> 3 DATASET 400 TEST 90 "
                   "NORMALIZE SEED 1 THREADS 3");
    fill(resting, 200, NR_DATASET_ANY);
    nr_command train;
    const char *words[] = {"NR.TRAIN", "k", "MAXCYCLES", "20", "AUTOSTOP"};
    const size_t lengths[] = {8, 1, 9, 2, 8};
    CHECK(nr_command_parse(&train, 5, words, lengths, &err) == NR_OK);
    for (int i = 0; i < RUNNERS; i++)
        pthread_create(&runners[i], NULL, run_on_and_on, NULL);
    for (int i = 0; i < OBSERVERS; i++)
        pthread_create(&observers[i], NULL, observe_on_and_on, &which[i]);
    for (int i = 0; i < 2; i++)
        pthread_create(&trainers[i], NULL, train_again_and_again, &train);
    for (int i = 0; i < 2; i++) pthread_join(trainers[i], NULL);
    atomic_store(&over, true);
    for (int i = 0; i < RUNNERS; i++) pthread_join(runners[i], NULL);
    for (int i = 0; i < OBSERVERS; i++) pthread_join(observers[i], NULL);
    CHECK(atomic_load(&wrong) == 0);
    CHECK(atomic_load(&done) >= TRAININGS);
    CHECK(resting->h.revision == (uint64_t)atomic_load(&done));
    nr_command_release(&train);
    nr_net_free(resting);
}

/* One network that all threads run, whose weights none has made yet. */
static void *run_once(void *argument) {
    nr_error error;
    float row[4] = {1, 2, 3, 4};
    expect(nr_net_run(resting, row, 1, argument, &error) == NR_OK);
    return NULL;
}

static void test_weights_are_made_once(void) {
    float outputs[8][3];
    pthread_t threads[8];
    resting = make("NR.CREATE k CLASSIFIER 4 50 -> 3 SEED 1");
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, run_once, outputs[i]);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    for (int i = 1; i < 8; i++)
        CHECK(!memcmp(outputs[0], outputs[i], sizeof outputs[0]));
    CHECK(atomic_load(&wrong) == 0);
    nr_net_free(resting);
}

/* Clones, each on a thread of its own, of a network that is reset then. */
static void *run_clone(void *argument) {
    nr_error error;
    float row[4] = {1, 2, 3, 4}, outputs[3];
    expect(nr_net_run(argument, row, 1, outputs, &error) == NR_OK);
    return NULL;
}

static void test_clones_share_weights_that_are_not_made_yet(void) {
    nr_net *clones[4];
    pthread_t threads[4];
    resting = make("NR.CREATE k CLASSIFIER 4 50 -> 3 SEED 1");
    size_t empty = nr_net_memory(resting);
    for (int i = 0; i < 4; i++) {
        clones[i] = i % 2 ? nr_net_clone(clones[i - 1]) : snapshot();
        CHECK(!nr_net_made(clones[i]));
    }
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, run_clone, clones[i]);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    CHECK(nr_net_made(resting) && nr_net_memory(resting) > empty);
    for (int i = 0; i < 4; i++)
        CHECK(nr_net_ready(resting, &err) == nr_net_ready(clones[i], &err));

    nr_net_forget(resting);
    resting->h.resets++;
    nr_net *late = snapshot();
    CHECK(!nr_net_made(resting) && !nr_net_made(late));
    CHECK(nr_net_ready(late, &err) == nr_net_ready(resting, &err));
    CHECK(nr_net_ready(late, &err) != nr_net_ready(clones[0], &err));
    for (int i = 0; i < 4; i++) nr_net_free(clones[i]);
    nr_net_free(late);
    nr_net_free(resting);
}

/* Progress is read and a stop asked for from another thread than steps it. */
static void *step_to_the_end(void *argument) {
    while (nr_trainer_step(argument, 0)) {}
    return NULL;
}

static void test_a_training_is_stopped_from_outside(void) {
    nr_net *net = make("NR.CREATE k REGRESSOR 4 8 -> 1 SEED 1 THREADS 2");
    nr_net *trained = NULL;
    nr_progress progress = {0};
    pthread_t thread;
    fill(net, 100, NR_DATASET_ANY);
    nr_trainer *t = trainer(net, "NR.TRAIN k MAXTIME 0");
    pthread_create(&thread, NULL, step_to_the_end, t);
    while (progress.cycles == 0) nr_trainer_progress(t, &progress);
    nr_trainer_stop(t);
    pthread_join(thread, NULL);
    CHECK(nr_trainer_finish(t, 0, &trained, &err) == NR_OK);
    CHECK(trained->h.stats.ending == NR_ENDED_STOP);
    CHECK(trained->h.stats.cycles >= progress.cycles);
    nr_trainer_free(t);
    nr_net_free(trained);
    nr_net_free(net);
}

int main(void) {
    test_all_at_once();
    test_weights_are_made_once();
    test_clones_share_weights_that_are_not_made_yet();
    test_a_training_is_stopped_from_outside();
    return summary();
}
