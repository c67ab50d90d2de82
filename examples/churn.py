"""Which customers of a shop will leave? Learned from the shop's own tables, in its database.

Run it with: python examples/churn.py [URL]

The same program runs on sqlite:///file.db, postgresql://user@host/db and mysql://user@host/db;
without a URL it makes a SQLite file in a temporary directory. The customers are made up. It
learns from those of the past, writes what it expects of the others into a column, where
any program can read it, and checks itself on what those did.
"""

import sys
import tempfile

import numpy as np
import sqlalchemy as sa

import nr

QUERY = """
SELECT c.age, c.months, CASE c.plan WHEN 'basic' THEN 1 ELSE 0 END AS basic,
       COUNT(o.id) AS orders, COALESCE(AVG(o.total), 0) AS average, c.left_us
FROM example_customers c LEFT JOIN example_orders o ON o.customer_id = c.id
WHERE c.id <= :last
GROUP BY c.id, c.age, c.months, c.plan, c.left_us
ORDER BY c.id
"""
CUSTOMERS, PAST = 1500, 1000

metadata = sa.MetaData()
customers = sa.Table(
    "example_customers",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("age", sa.Integer),
    sa.Column("months", sa.Integer),
    sa.Column("plan", sa.String(10)),
    sa.Column("left_us", sa.Integer),
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
    """Makes up customers: few orders, a basic plan and youth make them leave."""
    metadata.drop_all(connection)
    metadata.create_all(connection)
    random = np.random.default_rng(1)
    people, bought = [], []
    for id in range(1, CUSTOMERS + 1):
        age, months = int(random.integers(18, 80)), int(random.integers(1, 60))
        basic, count = bool(random.random() < 0.5), int(random.poisson(3))
        leaves = 2.0 * basic - 1.2 * count - 0.03 * (age - 45) + 2.2 + random.normal()
        plan = "basic" if basic else "full"
        person = {"id": id, "age": age, "months": months, "plan": plan}
        people.append({**person, "left_us": int(leaves > 0), "risk": None})
        totals = random.gamma(2, 20, count)
        bought += [{"customer_id": id, "total": float(total)} for total in totals]
    connection.execute(sa.insert(customers), people)
    connection.execute(sa.insert(orders), bought)


def learn(db: nr.Database) -> nr.Network:
    db.execute("NR.DEL", "example:churn")
    net = db.create("example:churn", "classifier", [5, 8, 2], normalize=True, seed=1)
    train, test = net.observe_query(QUERY, "left_us", parameters={"last": PAST})
    print(f"{train} customers to learn from, {test} to test")
    info = net.train(autostop=True, backtrack=True).result()
    print(f"Misclassified of those to test: {info.class_errors:.1f}%")
    return net


def predict(net: nr.Network, connection: sa.Connection) -> int:
    """Writes the risk of every later customer into its row; returns the errors."""
    rows = connection.execute(sa.text(QUERY), {"last": CUSTOMERS}).all()[PAST:]
    risk = net.run([[float(value) for value in row[:-1]] for row in rows])[:, 1]
    update = sa.update(customers).where(customers.c.id == sa.bindparam("customer"))
    later = range(PAST + 1, CUSTOMERS + 1)
    connection.execute(
        update.values(risk=sa.bindparam("now")),
        [{"customer": id, "now": float(now)} for id, now in zip(later, risk, strict=True)],
    )
    wrong = sa.select(sa.func.count()).where(
        sa.case((customers.c.risk > 0.5, 1), else_=0) != customers.c.left_us,
        customers.c.risk.is_not(None),
    )
    return int(connection.scalar(wrong) or 0)


def main(url: str) -> bool:
    with nr.connect(url) as db:
        engine = db.backend.store.engine  # the shop's tables are in the same database
        with engine.begin() as connection:
            open_shop(connection)
        net = learn(db)
        with engine.begin() as connection:
            errors = predict(net, connection)
    share = errors / (CUSTOMERS - PAST)
    print(f"{errors} errors on {CUSTOMERS - PAST} customers it has not seen ({share:.1%})")
    return share <= 0.2


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if sys.argv[1:] else f"sqlite:///{folder}/shop.db"
        sys.exit(0 if main(url) else "Too many errors.")
