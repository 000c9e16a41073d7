import { readFile } from "node:fs/promises";
import path from "node:path";

import type { Plugin } from "esbuild";

/**
 * Firestore's client loads much that no call of our store reaches: the API's administration, each message as a class beside the same as
 * JSON, the clients and messages of four other services, REST beside gRPC. These modules are bundled as what is used of them. A test makes
 * every call of the store from a bundle, so what a new version of the client uses besides is missed there.
 */
const USED: Readonly<Record<string, string>> = {
  "@google-cloud/firestore-api/build/src/index.js": `exports.v1 = require("./v1");`,
  "@google-cloud/firestore-api/build/src/v1/index.js": `
    exports.FirestoreClient = require("./firestore_client").FirestoreClient;`,
  // Of the classes only pipelines would use one, which our store does not send.
  "@google-cloud/firestore/build/protos/firestore_v1_proto_api.js": `exports.google = { firestore: { v1: {} } };`,
  "google-gax/build/src/descriptor.js": `
    exports.PageDescriptor = require("./paginationCalls/pageDescriptor").PageDescriptor;
    exports.StreamDescriptor = require("./streamingCalls/streamDescriptor").StreamDescriptor;`,
  "google-gax/build/src/fallback.js": `
    exports.defaultToObjectOptions = { keepCase: false, longs: String, enums: String, defaults: true, oneofs: true };
    Object.assign(exports, require("./gax"), require("./googleError"));`,
  "google-gax/build/src/index.js": `
    exports.version = require("../../package.json").version;
    exports.grpc = require("@grpc/grpc-js");
    exports.GrpcClient = require("./grpc").GrpcClient;
    exports.routingHeader = require("./routingHeader");
    exports.loggingUtils = require("google-logging-utils");
    exports.Status = require("./status").Status;
    exports.StreamType = require("./streamingCalls/streaming").StreamType;
    exports.warn = require("./warnings").warn;
    Object.assign(exports, require("./createApiCall"), require("./descriptor"), require("./gax"), require("./googleError"));
    exports.LocationsClient = class LocationsClient { async close() {} };`,
};

/** The messages of every service that Firestore's client can call. */
const MESSAGES = "@google-cloud/firestore-api/build/protos/protos.json";
/** Those of google.protobuf that google.firestore.v1 refers to; the rest describes protocols. */
const BASIC = [
  "Any",
  "DoubleValue",
  "Duration",
  "Empty",
  "Int32Value",
  "Int64Value",
  "ListValue",
  "NullValue",
  "Struct",
  "Timestamp",
  "Value",
];

export const leanClients: Plugin = {
  name: "lean-clients",
  setup: (building) => {
    for (const [module, contents] of Object.entries(USED)) {
      building.onLoad({ filter: named(module) }, (args) => ({ contents, resolveDir: path.dirname(args.path) }));
    }
    building.onLoad({ filter: named(MESSAGES) }, async (args) => {
      const contents = JSON.stringify(messagesOfFirestore(await readFile(args.path, "utf8")));
      return { contents, loader: "json" };
    });
  },
};

function named(module: string): RegExp {
  const [start = "", ...rest] = module.split("/");
  return new RegExp(["node_modules", start, ...rest].map(escaped).join("[\\\\/]") + "$");
}

function escaped(text: string): string {
  return text.replaceAll(".", "\\.");
}

interface Namespace {
  readonly nested: Readonly<Record<string, Namespace>>;
}

/** Of the messages those of google.firestore.v1, without what they say of themselves for REST and for readers. */
function messagesOfFirestore(json: string): object {
  const root = JSON.parse(json, withoutAnnotations) as Namespace;
  const inside = (namespace: Namespace, ...names: readonly string[]): Namespace =>
    ({ ...namespace, nested: Object.fromEntries(names.map((name) => [name, namespace.nested[name]])) }) as Namespace;
  const { firestore, protobuf, ...others } = inside(
    root.nested["google"] as Namespace,
    "firestore",
    "protobuf",
    "rpc",
    "type",
  ).nested;
  const google = {
    nested: {
      ...others,
      firestore: inside(firestore as Namespace, "v1"),
      protobuf: inside(protobuf as Namespace, ...BASIC),
    },
  };
  return { ...root, nested: { google } };
}

function withoutAnnotations(key: string, value: unknown): unknown {
  if (key === "comment" || key === "parsedOptions") return undefined;
  if (key !== "options" || typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => !name.startsWith("("));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
