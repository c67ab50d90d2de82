"""Which customers of a shop will leave? Learned from the shop's own tables, in its database.

Run it with: python examples/churn.py [URL]

The same program runs on sqlite:///file.db, postgresql://user@host/db and mysql://user@host/db;
without a URL, and without NR_URL, it makes a SQLite file in a temporary directory. The customers
are made up. It learns from those of the past, as a query finds them: the plan is a word, the day
they came is a date, and where nothing was bought or said there is NULL. Nothing is encoded. It
writes what it expects of the others into a column, where any program can read it, and checks
itself on what those did.
"""

import os
import sys
import tempfile
from datetime import date, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

import nr

FIELDS = {
    "age": "number",
    "plan": "category",
    "since": "time",
    "orders": "number",
    "average": "number",
    "complaint": "text",
}
QUERY = """
SELECT c.age, c.plan, c.since, COUNT(o.id) AS orders, AVG(o.total) AS average, c.complaint{more}
FROM example_customers c LEFT JOIN example_orders o ON o.customer_id = c.id
WHERE c.id > :first AND c.id <= :last
GROUP BY c.id, c.age, c.plan, c.since, c.complaint, c.left_us
ORDER BY c.id
"""
CUSTOMERS, PAST = 1500, 1000
COMPLAINTS = ["The parcel came late again", "I was charged twice", "Where is the manual?"]

metadata = sa.MetaData()
customers = sa.Table(
    "example_customers",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("age", sa.Integer),
    sa.Column("plan", sa.String(10)),
    sa.Column("since", sa.Date),
    sa.Column("complaint", sa.Text),
    sa.Column("left_us", sa.String(3)),
    sa.Column("risk", sa.Float),
)
orders = sa.Table(
    "example_orders",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("customer_id", sa.Integer, index=True),
    sa.Column("total", sa.Float),
)


def open_shop(connection: sa.Connection) -> None:
    """Makes up customers, and what they bought."""
    metadata.drop_all(connection)
    metadata.create_all(connection)
    random = np.random.default_rng(1)
    people, bought = [], []
    for id in range(1, CUSTOMERS + 1):
        count = int(random.poisson(3))
        people.append(customer(random, id, count))
        totals = random.gamma(2, 20, count)
        bought += [{"customer_id": id, "total": float(total)} for total in totals]
    connection.execute(sa.insert(customers), people)
    connection.execute(sa.insert(orders), bought)


def customer(random: np.random.Generator, id: int, count: int) -> dict[str, Any]:
    """Few orders, a basic plan, youth and a grave complaint make them leave.

    One in five does not tell their age, and most complain of nothing.
    """
    age, basic = int(random.integers(18, 80)), bool(random.random() < 0.5)
    since = date(2020, 1, 1) + timedelta(days=int(random.integers(0, 1800)))
    complaint = int(random.integers(0, 10))
    leaves = 2.0 * basic - 1.2 * count - 0.03 * (age - 45) + 2.0 * (complaint < 2) + 1.6
    return {
        "id": id,
        "age": age if random.random() < 0.8 else None,
        "plan": "basic" if basic else "full",
        "since": since,
        "complaint": COMPLAINTS[complaint] if complaint < len(COMPLAINTS) else None,
        "left_us": "yes" if leaves + random.normal() > 0 else "no",
    }


def learn(db: nr.Database) -> nr.Network:
    db.execute("NR.DEL", "example:churn")
    net = db.create("example:churn", "classifier", FIELDS, target="left_us", seed=1)
    query = QUERY.format(more=", c.left_us")
    train, test = net.observe_query(query, "left_us", parameters={"first": 0, "last": PAST})
    print(f"{train} customers to learn from, {test} to test")
    info = net.train().result()
    print(f"Misclassified of those to test: {info.class_errors:.1f}%")
    return net


def predict(net: nr.Network, connection: sa.Connection) -> None:
    """Writes the risk of every later customer into its row."""
    span = {"first": PAST, "last": CUSTOMERS}
    rows = connection.execute(sa.text(QUERY.format(more="")), span).mappings()
    risks = [chances["yes"] for chances in net.run([dict(row) for row in rows])]
    update = sa.update(customers).where(customers.c.id == sa.bindparam("customer"))
    connection.execute(
        update.values(risk=sa.bindparam("now")),
        [{"customer": id, "now": risk} for id, risk in enumerate(risks, PAST + 1)],
    )


def check(connection: sa.Connection) -> bool:
    """Counts what was wrong, and what would have been, had it said that nobody leaves."""
    left = customers.c.left_us == "yes"
    expected = customers.c.risk > 0.5
    later = sa.select(sa.func.count()).where(customers.c.risk.is_not(None))
    errors = connection.scalar(later.where(left != expected)) or 0
    leavers = connection.scalar(later.where(left)) or 0
    count = connection.scalar(later) or 1
    print(f"{errors} errors on {count} customers it has not seen ({errors / count:.1%});", end="")
    print(f" {leavers} if it said that nobody leaves")
    return errors <= 0.2 * count and errors < leavers


def main(url: str) -> bool:
    with nr.connect(url) as db:
        engine = db.backend.store.engine  # the shop's tables are in the same database
        with engine.begin() as connection:
            open_shop(connection)
        net = learn(db)
        with engine.begin() as connection:
            predict(net, connection)
            return check(connection)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if sys.argv[1:] else os.environ.get("NR_URL")
        sys.exit(0 if main(url or f"sqlite:///{folder}/shop.db") else "Too many errors.")
