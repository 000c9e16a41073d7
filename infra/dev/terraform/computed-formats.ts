import type { Value, Values } from "./dynamic-value.ts";

/** The number of every project of the stubs. */
export const PROJECT_NUMBER = "123456789012";

type Formats = (given: Values) => Readonly<Record<string, Value>>;

const text = (value: Value | undefined): string => (typeof value === "string" ? value : "unset");
const inProject = (given: Values, path: string): string => `projects/${text(given["project"])}/${path}`;

/** Computed values whose form is documented, so that what is built of them can be read, and passes the provider's own checks. */
const FORMATS: Readonly<Record<string, Formats>> = {
  google_cloud_run_v2_service: (given) => ({ uri: `https://${text(given["name"])}-stub.a.run.app` }),
  google_compute_global_address: () => ({ address: "203.0.113.10" }),
  google_compute_network: (given) => ({ id: inProject(given, `global/networks/${text(given["name"])}`) }),
  // One that is made has it only if that is said; one that is looked up, and tells no range, is of somebody who has seen to it.
  google_compute_subnetwork: (given) => ({ private_ip_google_access: typeof given["ip_cidr_range"] !== "string" }),
  google_container_cluster: () => ({
    endpoint: "192.0.2.10",
    master_auth: [
      {
        client_certificate: "",
        client_certificate_config: [],
        client_key: "",
        cluster_ca_certificate: Buffer.from("no certificate").toString("base64"),
      },
    ],
  }),
  google_iam_workload_identity_pool: (given) => ({
    name: `projects/${PROJECT_NUMBER}/locations/global/workloadIdentityPools/${text(given["workload_identity_pool_id"])}`,
  }),
  google_project: () => ({ number: PROJECT_NUMBER }),
  google_pubsub_subscription: (given) => ({ id: inProject(given, `subscriptions/${text(given["name"])}`) }),
  google_pubsub_topic: (given) => ({ id: inProject(given, `topics/${text(given["name"])}`) }),
  google_redis_instance: () => ({ host: "10.0.0.3", port: 6379 }),
  google_secret_manager_secret: (given) => ({ id: inProject(given, `secrets/${text(given["secret_id"])}`) }),
  google_secret_manager_secret_version: () => ({ version: "1" }),
  google_service_account: (given) => {
    const email = `${text(given["account_id"])}@${text(given["project"])}.iam.gserviceaccount.com`;
    return { email, member: `serviceAccount:${email}`, name: inProject(given, `serviceAccounts/${email}`) };
  },
  supabase_pooler: () => ({
    url: { transaction: "postgresql://postgres.stub:[YOUR-PASSWORD]@pooler.example.com:6543/postgres" },
  }),
  upstash_redis_database: (given) => ({ endpoint: `${text(given["database_name"])}-stub.upstash.io` }),
};

/** What a provider would compute for a resource or a data source, as far as its form is known. */
export function knownFormats(typeName: string, given: Value): Readonly<Record<string, Value>> {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return {};
  return FORMATS[typeName]?.(given as Values) ?? {};
}
