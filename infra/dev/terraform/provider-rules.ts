import { isList, isValues, UNKNOWN, type Value } from "./dynamic-value.ts";

/** A rule of a provider's own code, from its documentation. */
type Rule =
  | { readonly kind: "range"; readonly path: string; readonly min: number; readonly max: number }
  | { readonly kind: "pattern"; readonly path: string; readonly pattern: RegExp }
  | { readonly kind: "exactly_one"; readonly paths: readonly string[] }
  | { readonly kind: "at_most_one"; readonly paths: readonly string[] };

const range = (path: string, min: number, max: number): Rule => ({ kind: "range", path, min, max });
const pattern = (path: string, expression: RegExp): Rule => ({ kind: "pattern", path, pattern: expression });
const exactlyOne = (...paths: readonly string[]): Rule => ({ kind: "exactly_one", paths });
const atMostOne = (...paths: readonly string[]): Rule => ({ kind: "at_most_one", paths });

const SECONDS = /^\d+(\.\d+)?s$/;
const MEMBER =
  /^(serviceAccount|user|group|domain|principal|principalSet|allUsers|allAuthenticatedUsers|project\w+)(:.+)?$/;

const RULES: Readonly<Record<string, readonly Rule[]>> = {
  google_artifact_registry_repository: [pattern("repository_id", /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/)],
  google_cloud_run_v2_service: [
    pattern("name", /^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$/),
    pattern("template.timeout", SECONDS),
    range("template.max_instance_request_concurrency", 0, 1000),
    range("template.scaling.max_instance_count", 0, 1000),
    atMostOne("template.vpc_access.connector", "template.vpc_access.network_interfaces"),
  ],
  google_cloud_scheduler_job: [
    pattern("schedule", /^\S+( \S+){4}$/),
    exactlyOne("http_target", "pubsub_target", "app_engine_http_target"),
    atMostOne("http_target.oidc_token", "http_target.oauth_token"),
  ],
  google_cloud_tasks_queue: [pattern("name", /^[A-Za-z0-9-]{1,100}$/)],
  google_firestore_backup_schedule: [atMostOne("daily_recurrence", "weekly_recurrence"), pattern("retention", SECONDS)],
  google_iam_workload_identity_pool: [pattern("workload_identity_pool_id", /^(?!gcp-)[a-z0-9-]{4,32}$/)],
  google_iam_workload_identity_pool_provider: [
    pattern("workload_identity_pool_provider_id", /^(?!gcp-)[a-z0-9-]{4,32}$/),
    exactlyOne("oidc", "aws", "saml", "x509"),
  ],
  google_monitoring_slo: [
    range("goal", 0, 0.9999),
    exactlyOne("rolling_period_days", "calendar_period"),
    exactlyOne("basic_sli", "request_based_sli", "windows_based_sli"),
  ],
  google_project_iam_member: [pattern("member", MEMBER), pattern("role", /^(roles|projects|organizations)\//)],
  google_pubsub_subscription: [
    pattern("name", /^(?!goog)[A-Za-z][\w.~+%-]{2,254}$/),
    range("ack_deadline_seconds", 10, 600),
    range("dead_letter_policy.max_delivery_attempts", 5, 100),
    pattern("retry_policy.minimum_backoff", SECONDS),
    pattern("retry_policy.maximum_backoff", SECONDS),
    pattern("message_retention_duration", SECONDS),
    atMostOne("push_config", "bigquery_config", "cloud_storage_config"),
  ],
  google_pubsub_topic: [pattern("name", /^(?!goog)[A-Za-z][\w.~+%-]{2,254}$/)],
  google_redis_instance: [range("memory_size_gb", 1, 300)],
  google_secret_manager_secret: [
    pattern("secret_id", /^[\w-]{1,255}$/),
    exactlyOne("replication.auto", "replication.user_managed"),
  ],
  google_secret_manager_secret_version: [exactlyOne("secret_data", "secret_data_wo")],
  google_service_account: [pattern("account_id", /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/)],
  google_service_account_iam_member: [pattern("member", MEMBER)],
  google_storage_bucket: [pattern("name", /^[a-z0-9][a-z0-9_.-]{1,61}[a-z0-9]$/)],
};

/** What the arguments of a resource break of its provider's own rules; what is unknown yet breaks none. */
export function faultsByRule(typeName: string, config: Value): readonly string[] {
  return (RULES[typeName] ?? []).flatMap((rule) => {
    const fault = faultOf(rule, config);
    return fault === undefined ? [] : [`${typeName}: ${fault}`];
  });
}

function faultOf(rule: Rule, config: Value): string | undefined {
  switch (rule.kind) {
    case "range": {
      const outside = valuesAt(config, rule.path).find(
        (value) => typeof value === "number" && (value < rule.min || value > rule.max),
      );
      return outside === undefined
        ? undefined
        : `${rule.path} must be from ${rule.min} to ${rule.max}, not ${JSON.stringify(outside)}`;
    }
    case "pattern": {
      const odd = valuesAt(config, rule.path).find((value) => typeof value === "string" && !rule.pattern.test(value));
      return odd === undefined
        ? undefined
        : `${rule.path} must match ${String(rule.pattern)}, not ${JSON.stringify(odd)}`;
    }
    case "exactly_one": {
      const given = rule.paths.filter((path) => isGiven(config, path));
      const mayBe = rule.paths.some((path) => valuesAt(config, path).includes(UNKNOWN));
      if (given.length === 1 || (given.length === 0 && mayBe)) return undefined;
      return `exactly one of ${rule.paths.join(", ")} must be set, not ${given.length}`;
    }
    case "at_most_one": {
      const given = rule.paths.filter((path) => isGiven(config, path));
      return given.length <= 1 ? undefined : `${given.join(" and ")} exclude each other`;
    }
  }
}

function isGiven(config: Value, path: string): boolean {
  return valuesAt(config, path).some((value) => value !== UNKNOWN);
}

/** All values at a path, through every block on the way. */
function valuesAt(config: Value, path: string): readonly Value[] {
  let found: readonly Value[] = [config];
  for (const name of path.split(".")) {
    found = found
      .flatMap((value): readonly Value[] => {
        if (value === UNKNOWN) return [UNKNOWN];
        return isValues(value) ? [value[name] ?? null] : [];
      })
      .flatMap((value): readonly Value[] => (isList(value) ? value : [value]))
      .filter((value) => value !== null);
  }
  return found;
}
