import type { RedisConnection, Reply } from "../../infra/adapters/redis/connection.ts";

type Evaluate = RedisConnection["evalsha"];

/** Delivers each script twice, and gives the answer of the second delivery: as when the first answer was lost on the way. */
export function deliveredTwice(connection: RedisConnection): RedisConnection {
  return wrapped(connection, async (deliver) => {
    await deliver();
    return deliver();
  });
}

/** Delivers each script again after each of the `later` numbers of others: as when a copy of it was held up on the way. */
export function deliveredLate(connection: RedisConnection, later: readonly number[]): RedisConnection {
  const before: (() => Promise<Reply>)[] = [];
  return wrapped(connection, async (deliver) => {
    const reply = await deliver();
    before.push(deliver);
    for (const count of later) await before.at(-1 - count)?.();
    return reply;
  });
}

/** A connection whose every script is delivered by `through`; closing it waits for that too. */
function wrapped(
  connection: RedisConnection,
  through: (deliver: () => Promise<Reply>) => Promise<Reply>,
): RedisConnection {
  const underWay = new Set<Promise<Reply>>();
  const by =
    (evaluate: Evaluate): Evaluate =>
    (script, keys, args) => {
      const answer = through(() => evaluate(script, keys, args));
      underWay.add(answer);
      return answer.finally(() => underWay.delete(answer));
    };
  return {
    ...connection,
    evalsha: by(connection.evalsha),
    eval: by(connection.eval),
    close: async () => {
      await Promise.allSettled(underWay);
      await connection.close();
    },
  };
}
