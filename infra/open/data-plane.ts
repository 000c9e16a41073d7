import { join } from "node:path";

import { rfc3339 } from "../../shared/clock.ts";
import type { BusChoice, ObjectsChoice, RecordsChoice } from "../../shared/config-choices.ts";
import type { GraphChoice } from "../../shared/config-graph.ts";
import type { ModelsChoice } from "../../shared/config-models.ts";
import type { GraphStore } from "../../shared/ports/graph-store.ts";
import type { MessageBus } from "../../shared/ports/message-bus.ts";
import type { ModelProvider } from "../../shared/ports/model-provider.ts";
import type { ObjectStore } from "../../shared/ports/object-store.ts";
import type { RecordStore } from "../../shared/ports/record-store.ts";
import type { TableEngine } from "../../shared/ports/table-engine.ts";
import type { Adapters } from "../../shared/services.ts";
import { EVENTS_TOPIC } from "../../shared/state/cloud-event.ts";
import { systemClock } from "../adapters/system/system.ts";
import { inDataDir } from "./in-data-dir.ts";
import { late, onFirstUse } from "./on-first-use.ts";
import type { Opened } from "./opened.ts";

export async function openObjects(choice: ObjectsChoice, dataDir: string): Promise<Opened<ObjectStore>> {
  switch (choice.kind) {
    case "files": {
      const { createFileObjectStore } = await import("../adapters/files/object-store.ts");
      return { adapter: createFileObjectStore(join(dataDir, "objects")) };
    }
    case "gcs": {
      const { createGcsObjectStore } = await import("../adapters/gcs/object-store.ts");
      const { bucket, projectId, emulatorUrl } = choice;
      return { adapter: createGcsObjectStore({ bucket, projectId, apiEndpoint: emulatorUrl }) };
    }
  }
}

export async function openBus(choice: BusChoice): Promise<Opened<MessageBus>> {
  switch (choice.kind) {
    case "in-process": {
      const { createInProcessBus } = await import("../adapters/in-process/message-bus.ts");
      return { adapter: createInProcessBus(() => rfc3339(systemClock.now())) };
    }
    case "pubsub": {
      const { createPubsubBus } = await import("../adapters/pubsub/message-bus.ts");
      const { projectId, emulatorHost, timers } = choice;
      const bus = createPubsubBus({ projectId, emulatorHost, timers, pingTopic: EVENTS_TOPIC });
      return { adapter: bus, close: () => bus.close() };
    }
  }
}

/** Connects when it is first asked. */
export async function openRecords(choice: RecordsChoice, dataDir: string): Promise<RecordStore> {
  switch (choice.kind) {
    case "none": {
      const { createAbsentRecordStore } = await import("../adapters/none/record-store.ts");
      return createAbsentRecordStore();
    }
    case "sqlite": {
      const { createSqliteRecordStore } = await import("../adapters/sqlite/record-store.ts");
      return createSqliteRecordStore(join(dataDir, "data.db"));
    }
    case "postgres": {
      const { createPostgresRecordStore } = await import("../adapters/postgres/record-store.ts");
      return createPostgresRecordStore(choice);
    }
  }
}

const GRAPH_METHODS: Readonly<Record<keyof GraphStore, true>> = {
  setUp: true,
  write: true,
  undo: true,
  dropTombstones: true,
  get: true,
  list: true,
  edges: true,
  traverse: true,
  nearest: true,
  forgetFile: true,
  ping: true,
  close: true,
};

/** Many functions never touch the graph: it is opened by the first that does. */
export function openGraph(choice: GraphChoice, deps: Pick<Adapters, "clock" | "random">, dataDir: string): GraphStore {
  return onFirstUse(GRAPH_METHODS, async () => {
    switch (choice.kind) {
      case "none": {
        const { createAbsentGraphStore } = await import("../adapters/none/graph-store.ts");
        return createAbsentGraphStore();
      }
      case "sqlite": {
        const { createSqliteGraphStore } = await import("../adapters/sqlite/graph-store.ts");
        return inDataDir(dataDir, () => createSqliteGraphStore(join(dataDir, "graph.db")));
      }
      case "arango": {
        const { createArangoGraphStore } = await import("../adapters/arango/graph-store.ts");
        return createArangoGraphStore(choice, deps);
      }
    }
  });
}

/** Opened when the first table is asked for, which in most functions is never. */
export function openTables(objects: ObjectStore): TableEngine {
  const engine = late(async () => {
    const { createDuckdbTableEngine } = await import("../adapters/duckdb/table-engine.ts");
    return createDuckdbTableEngine(objects);
  });
  return {
    query: async (query) => (await engine.open()).query(query),
    rows: async function* rows(table) {
      yield* (await engine.open()).rows(table);
    },
    ping: async () => (await engine.open()).ping(),
    close: async () => (await engine.begun)?.close(),
  };
}

export async function openModels(
  choice: ModelsChoice,
  deps: Pick<Adapters, "clock" | "random">,
): Promise<ModelProvider> {
  switch (choice.kind) {
    case "lexical": {
      const { createLexicalModels } = await import("../adapters/models/lexical.ts");
      return createLexicalModels();
    }
    case "openai": {
      const { createOpenAiModels } = await import("../adapters/models/openai.ts");
      return createOpenAiModels({ ...choice, provider: choice.kind, mostTokens: "max_completion_tokens" }, deps);
    }
    case "huggingface": {
      const { createHuggingFaceModels } = await import("../adapters/models/hugging-face.ts");
      return createHuggingFaceModels(choice, deps);
    }
    case "anthropic": {
      const { createAnthropicModels } = await import("../adapters/models/anthropic.ts");
      return createAnthropicModels(choice, deps);
    }
  }
}
