/** A mistake in the Terraform code. */
export interface Mutation {
  readonly mistake: string;
  /** From terraform/. */
  readonly file: string;
  readonly find: string;
  readonly replacement: string;
  /** What is to catch it: `terraform` by its schemas and rules, or a policy by its name. */
  readonly caughtBy: string;
  /** What is said of it. */
  readonly says: RegExp;
}

const FUNCTIONS = "modules/functions/main.tf";
const EVENTS = "modules/events/main.tf";
const RUNTIME = "modules/runtime/main.tf";

export const MUTATIONS: readonly Mutation[] = [
  {
    mistake: "timers may publish nowhere",
    file: RUNTIME,
    find: "      [module.timers.member],\n",
    replacement: "      [],\n",
    caughtBy: "timersReachTheirTopics",
    says: /timers may publish where no intent is, or may not where one is/,
  },
  {
    mistake: "functions may make tasks, and not in the name that tasks publish in",
    file: "modules/timers/main.tf",
    find: '"roles/iam.serviceAccountUser"',
    replacement: '"roles/iam.serviceAccountViewer"',
    caughtBy: "timersReachTheirTopics",
    says: /who may act as the account of timers/,
  },
  {
    mistake: "functions are told a queue that is not there",
    file: "modules/timers/outputs.tf",
    find: "queues/${google_cloud_tasks_queue.this.name}",
    replacement: "queues/timer",
    caughtBy: "timersReachTheirTopics",
    says: /not told the one queue of timers/,
  },
  {
    mistake: "jobs may be called by everybody",
    file: FUNCTIONS,
    find: "[var.job_invoker]",
    replacement: '["allUsers"]',
    caughtBy: "nobodyIsEverybody",
    says: /grants to allUsers/,
  },
  {
    mistake: "a function may edit the project",
    file: "modules/identity/main.tf",
    find: '"roles/datastore.user"',
    replacement: '"roles/editor"',
    caughtBy: "rolesAreNarrow",
    says: /its role may do anything/,
  },
  {
    mistake: "a function may use every database",
    file: "modules/identity/main.tf",
    find: '"resource.name == \\"projects/${var.project_id}/databases/${var.firestore_database}\\""',
    replacement: '"true"',
    caughtBy: "rolesAreNarrow",
    says: /may only use its database/,
  },
  {
    mistake: "functions run as the default account",
    file: FUNCTIONS,
    find: "    service_account                  = var.service_accounts[each.key].email\n",
    replacement: "",
    caughtBy: "ownAccounts",
    says: /runs as the default account/,
  },
  {
    mistake: "functions share one account",
    file: FUNCTIONS,
    find: "var.service_accounts[each.key].email",
    replacement: 'var.service_accounts["runtime_api"].email',
    caughtBy: "ownAccounts",
    says: /is there twice/,
  },
  {
    mistake: "somebody else reads a secret",
    file: "modules/secrets/main.tf",
    find: "members   = each.value",
    replacement: 'members   = setunion(each.value, ["group:everyone@example.com"])',
    caughtBy: "secretsAreForWhoListsThem",
    says: /group:everyone@example.com is too much/,
  },
  {
    mistake: "every secret goes to every function",
    file: FUNCTIONS,
    find: "{ for name, reference in var.secrets : name => reference if contains(each.value.secrets, name) }",
    replacement: '{ for name, reference in var.secrets : "${name}_COPY" => reference }',
    caughtBy: "secretsAreForWhoListsThem",
    says: /is not among its secrets/,
  },
  {
    mistake: "a secret comes by its newest version",
    file: FUNCTIONS,
    find: "version = env.value.version",
    replacement: 'version = "latest"',
    caughtBy: "secretsAreForWhoListsThem",
    says: /is not named by its version/,
  },
  {
    mistake: "a service runs another bundle",
    file: FUNCTIONS,
    find: "args  = [each.key]",
    replacement: 'args  = ["runtime_api"]',
    caughtBy: "servicesAreTheManifest",
    says: /is missing/,
  },
  {
    mistake: "a function has less memory than it says it needs",
    file: FUNCTIONS,
    find: '"${each.value.memory_mb}Mi"',
    replacement: '"256Mi"',
    caughtBy: "servicesAreTheManifest",
    says: /its memory is 256Mi/,
  },
  {
    mistake: "a function has no greatest number of instances",
    file: FUNCTIONS,
    find: "      max_instance_count = each.value.max_instances\n",
    replacement: "",
    caughtBy: "servicesAreBounded",
    says: /no greatest number of instances/,
  },
  {
    mistake: "the image is a tag that moves",
    file: FUNCTIONS,
    find: "image = var.image",
    replacement: 'image = "${split("@", var.image)[0]}:latest"',
    caughtBy: "servicesAreBounded",
    says: /not named by digest/,
  },
  {
    mistake: "the internet reaches what checks nobody before it",
    file: FUNCTIONS,
    find: '"INGRESS_TRAFFIC_INTERNAL_ONLY"\n      checks_iam = false',
    replacement: '"INGRESS_TRAFFIC_ALL"\n      checks_iam = false',
    caughtBy: "doorsAreClosed",
    says: /anybody on the internet gets in/,
  },
  {
    mistake: "Cloud Run lets everybody in to a job",
    file: FUNCTIONS,
    find: 'job = { ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY", checks_iam = true }',
    replacement: 'job = { ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY", checks_iam = false }',
    caughtBy: "doorsAreClosed",
    says: /a job checks nobody by itself/,
  },
  {
    mistake: "the scheduler's token is for something else",
    file: "modules/schedules/main.tf",
    find: "audience              = each.value.uri",
    replacement: 'audience              = "https://example.com"',
    caughtBy: "schedulesAreTheManifest",
    says: /without its token/,
  },
  {
    mistake: "a job is called when somebody thought it was",
    file: "modules/schedules/main.tf",
    find: "each.value.schedule\n",
    replacement: '"0 * * * *"\n',
    caughtBy: "schedulesAreTheManifest",
    says: /is missing/,
  },
  {
    mistake: "a topic has a name that the code does not publish to",
    file: RUNTIME,
    find: "  events_topic          = local.manifest.events_topic\n",
    replacement: '  events_topic          = "events"\n',
    caughtBy: "topicsAreTheManifest",
    says: /symphainy-events is missing/,
  },
  {
    mistake: "pushes go to the function's root, where it cannot tell the topic",
    file: EVENTS,
    find: '"${each.value.uri}/projects/${var.project_id}/topics/${each.value.topic}"',
    replacement: "each.value.uri",
    caughtBy: "topicsAreTheManifest",
    says: /pushes: /,
  },
  {
    mistake: "pushes prove nothing",
    file: EVENTS,
    find: `
    oidc_token {
      service_account_email = var.push_service_account
      audience              = var.push_audience
    }
`,
    replacement: "",
    caughtBy: "pushesAreProven",
    says: /do not prove who they are from/,
  },
  {
    mistake: "pushes are for another audience than functions believe",
    file: RUNTIME,
    find: "push_audience        = local.push_audience",
    replacement: 'push_audience        = "pushes"',
    caughtBy: "pushesAreProven",
    says: /do not prove who they are from/,
  },
  {
    mistake: "a message is given up at the first outage",
    file: RUNTIME,
    find: "local.manifest.max_delivery_attempts",
    replacement: "5",
    caughtBy: "pushesAreProven",
    says: /after 100 attempts/,
  },
  {
    mistake: "a push subscription goes when nobody uses it",
    file: EVENTS,
    find: `  expiration_policy {
    ttl = "" # never
  }

  depends_on = [google_pubsub_topic_iam_binding.publishers]
}

resource "google_pubsub_subscription" "consumer" {`,
    replacement: `  depends_on = [google_pubsub_topic_iam_binding.publishers]
}

resource "google_pubsub_subscription" "consumer" {`,
    caughtBy: "pushesAreProven",
    says: /goes when nobody uses it/,
  },
  {
    mistake: "nobody waits for dead letters",
    file: EVENTS,
    find: "topic   = google_pubsub_topic.this[var.dead_letter_topic].id",
    replacement: "topic   = google_pubsub_topic.this[var.events_topic].id",
    caughtBy: "deadLettersAreSeen",
    says: /nobody waits for its messages/,
  },
  {
    mistake: "nobody is told of dead letters",
    file: "modules/observability/alerts.tf",
    find: 'subscription_id=\\"${var.dead_letter_subscription}\\"',
    replacement: 'subscription_id=\\"another\\"',
    caughtBy: "deadLettersAreSeen",
    says: /no alert tells of its messages/,
  },
  {
    mistake: "Pub/Sub may not make a dead letter",
    file: EVENTS,
    find: "topic == var.dead_letter_topic ? [local.pubsub_agent] : []",
    replacement: "[]",
    caughtBy: "deadLettersAreSeen",
    says: /Pub\/Sub may not publish there/,
  },
  {
    mistake: "Pub/Sub may not take a message away",
    file: EVENTS,
    find: "for_each = merge(google_pubsub_subscription.push, google_pubsub_subscription.consumer)",
    replacement: "for_each = google_pubsub_subscription.consumer",
    caughtBy: "deadLettersAreSeen",
    says: /none becomes a dead letter/,
  },
  {
    mistake: "functions may not hand executions on",
    file: EVENTS,
    find: "      var.publishers,\n",
    replacement: "      [],\n",
    caughtBy: "publishersAreListed",
    says: /not every function may publish there/,
  },
  {
    mistake: "objects have rights of their own",
    file: "modules/objects/main.tf",
    find: "uniform_bucket_level_access = true",
    replacement: "uniform_bucket_level_access = false",
    caughtBy: "bucketsAreClosed",
    says: /objects have rights of their own/,
  },
  {
    mistake: "uploads that nobody took are kept for ever",
    file: "modules/objects/main.tf",
    find: '    "uploads/"  = 7\n',
    replacement: "",
    caughtBy: "bucketsAreClosed",
    says: /uploads\/ after 7 is missing/,
  },
  {
    mistake: "production cannot go back in time",
    file: "modules/firestore/main.tf",
    find: 'var.protected ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"',
    replacement: '"POINT_IN_TIME_RECOVERY_DISABLED"',
    caughtBy: "databasesAreKept",
    says: /no point-in-time recovery/,
  },
  {
    mistake: "production may be deleted",
    file: "modules/firestore/main.tf",
    find: 'var.protected ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"',
    replacement: '"DELETE_PROTECTION_DISABLED"',
    caughtBy: "databasesAreKept",
    says: /may be deleted/,
  },
  {
    mistake: "expired documents are kept",
    file: "modules/firestore/indexes.tf",
    find: "for_each = try(each.value.ttl, false) ? [true] : []",
    replacement: "for_each = []",
    caughtBy: "indexesAreTheFile",
    says: /with a time to live.* is missing/,
  },
  {
    mistake: "an alert tells nobody",
    file: "modules/observability/alerts.tf",
    find: "  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]\n  user_labels           = merge(var.labels, { alert = each.key })",
    replacement: "  user_labels           = merge(var.labels, { alert = each.key })",
    caughtBy: "alertsTellSomebody",
    says: /tells nobody/,
  },
  {
    mistake: "an argument is misspelt",
    file: EVENTS,
    find: '    minimum_backoff = "1s"\n    maximum_backoff = "60s"\n  }\n\n  dead_letter_policy {\n    dead_letter_topic     = google_pubsub_topic.this[var.dead_letter_topic].id\n    max_delivery_attempts = var.max_delivery_attempts\n  }\n\n  expiration_policy {\n    ttl = "" # never\n  }\n\n  depends_on = [google_pubsub_topic_iam_binding.publishers]\n}\n\nresource "google_pubsub_subscription" "consumer"',
    replacement: 'min_backoff = "1s"\n  }\n}\n\nresource "google_pubsub_subscription" "consumer"',
    caughtBy: "terraform",
    says: /An argument named "min_backoff" is not expected/,
  },
  {
    mistake: "Pub/Sub is to wait for an hour",
    file: EVENTS,
    find: "min(each.value.timeout_seconds, local.longest_push_seconds)",
    replacement: "each.value.timeout_seconds",
    caughtBy: "terraform",
    says: /ack_deadline_seconds must be from 10 to 600/,
  },
  {
    mistake: "a function's needed variable is not given",
    file: "modules/runtime/environment.tf",
    find: "      OIDC_AUDIENCE        = var.oidc.audience\n",
    replacement: "",
    caughtBy: "terraform",
    says: /would not start: it needs OIDC_AUDIENCE/,
  },
  {
    mistake: "an account is called what none can be",
    file: "modules/identity/main.tf",
    find: '? replace("fn-${name}", "_", "-")',
    replacement: '? "fn-${name}"',
    caughtBy: "terraform",
    says: /account_id must match/,
  },
  {
    mistake: "the secret's value goes into the state",
    file: "modules/secrets/main.tf",
    find: "secret_data_wo         = var.values[each.key]",
    replacement: "secret_data            = var.values[each.key]",
    caughtBy: "terraform",
    says: /Ephemeral values are not valid/,
  },
];
