/* What every fuzzer has: promises that abort where they are broken, and, with
 * -DNR_FUZZ_MAIN, a program of it that runs the files it is given. */

#ifndef NR_FUZZ_H
#define NR_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(ok)                                                              \
    do {                                                                      \
        if (!(ok)) {                                                          \
            fprintf(stderr, "line %d: broken: %s\n", __LINE__, #ok);          \
            abort();                                                          \
        }                                                                     \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef NR_FUZZ_MAIN
int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        static uint8_t data[1 << 20];
        FILE *file = fopen(argv[i], "rb");
        if (!file) {
            perror(argv[i]);
            return 1;
        }
        size_t size = fread(data, 1, sizeof data, file);
        fclose(file);
        /* Memory of its size, so that reading past its end is noticed. */
        uint8_t *copy = malloc(size ? size : 1);
        MUST(copy);
        memcpy(copy, data, size);
        LLVMFuzzerTestOneInput(copy, size);
        free(copy);
    }
    printf("%d inputs, no finding\n", argc - 1);
    return 0;
}
#endif

#endif
