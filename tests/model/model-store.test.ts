import { describeExecutionStore } from "../conformance/execution-store.ts";
import { ModelDatabase } from "./model-database.ts";
import { createModelStore } from "./model-store.ts";

describeExecutionStore("the model store", () => {
  const store = createModelStore(new ModelDatabase());
  return Promise.resolve({ store, close: () => store.close() });
});
