"""Which team is a support ticket for? Learned from the words that customers write.

Run it with: python examples/tickets.py [URL]

The tickets are made up: of each team's subjects a sentence or two, politeness that tells nothing,
letters that are missing, and some tickets that speak of another matter, too. A form says by which
way a ticket came, where somebody filled it in. To beat is a list of telling words, which is how
such tickets are often sorted by hand.
"""

import random
import sys

import nr

SUBJECTS = {
    "billing": [
        "I was charged twice for {thing}",
        "the invoice for {thing} shows the wrong amount",
        "please refund the payment for {thing}",
        "my credit card was declined when I paid for {thing}",
        "I need a receipt with our tax number for {thing}",
    ],
    "delivery": [
        "{thing} has not arrived yet",
        "the tracking page says that {thing} was handed over, but nobody rang",
        "the parcel with {thing} was left in the rain",
        "can the courier bring {thing} on Saturday",
        "you sent {thing} to my old address",
    ],
    "repairs": [
        "{thing} does not switch on any more",
        "there is a crack in {thing}",
        "the battery of {thing} is empty after an hour",
        "a button of {thing} is stuck",
        "{thing} gets hot and smells burnt",
    ],
    "account": [
        "I cannot log in since I bought {thing}",
        "the link to reset my password never comes",
        "please change the e-mail address of my profile",
        "delete my account and all data about {thing}",
        "the app says that my code is wrong when I register {thing}",
    ],
}
KEYWORDS = {"invoice": "billing", "parcel": "delivery", "battery": "repairs", "password": "account"}
THINGS = ["the radio", "my new lamp", "the kettle", "two headphones", "a camera", "the toaster"]
HELLO = ["Hello,", "Good morning!", "Dear team,", "hi", ""]
THANKS = ["Thank you.", "Please answer soon!!", "I am a customer since 2019.", "Regards", ""]
FIELDS = {"ticket": "text", "way": "category"}
LEARNED, NEW = 1200, 600

Ticket = dict[str, str | None]


def tickets(n: int, seed: int) -> list[Ticket]:
    """Made up, each with the team that answered it in the end."""
    chance = random.Random(seed)
    return [ticket(chance) for _ in range(n)]


def ticket(chance: random.Random) -> Ticket:
    team = chance.choice([*SUBJECTS])
    said = [about(chance, team), *([about(chance, team)] if chance.random() < 0.3 else [])]
    if chance.random() < 0.15:  # another matter, by the way
        said.append("by the way, " + about(chance, chance.choice([*SUBJECTS])))
    text = ". ".join([chance.choice(HELLO), *said, chance.choice(THANKS)])
    way = "app" if team == "account" and chance.random() < 0.5 else chance.choice(["mail", "phone"])
    way_known = chance.random() < 0.8
    return {"ticket": slips(chance, text), "way": way if way_known else None, "team": team}


def about(chance: random.Random, team: str) -> str:
    return chance.choice(SUBJECTS[team]).format(thing=chance.choice(THINGS))


def slips(chance: random.Random, text: str) -> str:
    """A letter in fifty is missing."""
    return "".join(letter for letter in text if chance.random() > 0.02)


def by_keyword(ticket: Ticket) -> str:
    """What a list of telling words says; of none, one of the teams."""
    words = str(ticket["ticket"]).lower()
    return next((team for word, team in KEYWORDS.items() if word in words), "billing")


def main(url: str | None = None) -> bool:
    learned, new = tickets(LEARNED, 1), tickets(NEW, 2)
    with nr.connect(url) as db:
        db.execute("NR.DEL", "example:tickets")
        net = db.create("example:tickets", "classifier", FIELDS, target="team", seed=1)
        train, test = net.observe_many(learned)
        print(f"{train} tickets to learn from, {test} to test")
        net.train().wait()
        teams = net.classify([{name: ticket[name] for name in FIELDS} for ticket in new])
        asked = {"ticket": "Hi, my card was charged but the lamp never came. Refund me please"}
        print(f"{asked['ticket']!r}:")
        for team, likely in sorted(net.run(asked).items(), key=lambda pair: -pair[1]):
            print(f"  {team:10} {likely:.2f}")
    right = sum(team == ticket["team"] for team, ticket in zip(teams, new, strict=True))
    listed = sum(by_keyword(ticket) == ticket["team"] for ticket in new)
    print(f"{right} of {NEW} new tickets go to the right team, {listed} by a list of words")
    return right >= 0.85 * NEW and right > listed


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:2]) else "The tickets are not sorted as well as they should be.")
