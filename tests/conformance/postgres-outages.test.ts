import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { createPostgresRecordStore } from "../../infra/adapters/postgres/record-store.ts";
import { type PostgresPart, startPostgres } from "../../infra/dev/parts/postgres-server.ts";
import { migratePostgres } from "../../infra/schema/migrate-postgres.ts";
import { withParts } from "../kit/parts.ts";
import { startTcpProxy } from "../kit/tcp-proxy.ts";
import { type TemporaryFolder, temporaryFolder } from "../kit/temporary-folder.ts";
import { contract, effect, insertContract, newTenant } from "./record-store/scenario.ts";

const UNAVAILABLE = { code: "records.unavailable", status: 503, retryable: true };

withParts(["postgres"], () => {
  describe("R6: a Postgres that goes away", () => {
    let folder: TemporaryFolder;
    let server: PostgresPart;
    beforeAll(async () => {
      folder = await temporaryFolder();
      server = await startPostgres({ directory: folder.path });
      await migratePostgres(server.url("postgres"));
    });
    afterAll(async () => {
      await server.stop();
      await folder[Symbol.asyncDispose]();
    });

    it("is told as unavailable while it is killed, and works again by itself when it is back, with all that was acknowledged", async () => {
      const { port } = server;
      const records = createPostgresRecordStore({ url: server.url("postgres"), connections: 2 });
      const view = newTenant();
      const row = contract();
      const stored = effect();
      await records.apply(view, stored, [insertContract(row)]);

      await server.kill();
      const late = effect();
      await expect(records.apply(view, late, [insertContract(contract())])).rejects.toMatchObject(UNAVAILABLE);
      await expect(records.get(view, "data_boundary_contracts", row.id)).rejects.toMatchObject(UNAVAILABLE);
      await expect(records.ping()).rejects.toMatchObject(UNAVAILABLE);

      server = await startPostgres({ directory: folder.path, port });
      expect(await records.get(view, "data_boundary_contracts", row.id)).toMatchObject({ id: row.id });
      expect((await records.apply(view, stored, [insertContract(row)])).outcome).toBe("applied_before");
      expect((await records.apply(view, late, [insertContract(contract())])).outcome).toBe("applied");
      await records.close();
    });

    it("and that says nothing is given up after a while; what it was asked may be done, and is done once", async () => {
      await using proxy = await startTcpProxy(server);
      const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
      const records = createPostgresRecordStore({ url, connections: 2, silenceMs: 700 });
      const view = newTenant();
      await records.ping();
      proxy.swallowAnswers();
      const asked = effect();
      await expect(records.apply(view, asked, [insertContract(contract())])).rejects.toMatchObject(UNAVAILABLE);
      proxy.mend();
      await records.apply(view, asked, [insertContract(contract())]);
      expect((await records.list(view, "data_boundary_contracts", { limit: 9 })).items).toHaveLength(1);
      await records.close();
    });

    it("and whose connections are ended by an administrator is used again over new ones", async () => {
      const records = createPostgresRecordStore({ url: server.url("postgres"), connections: 1 });
      await records.ping();
      const admin = postgres(server.url("template1"), { max: 1 });
      await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'postgres'`;
      await admin.end();
      await vi.waitFor(() => records.ping());
      await records.close();
    });
  });
});
