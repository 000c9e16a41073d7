import type { Mutation } from "./mutations.ts";

const RUNNER = "modules/wasm-runner/main.tf";
const RUNTIME = "modules/runtime/main.tf";

/** Mistakes that would let a guest that broke out reach something, or somebody else reach the guests. */
export const GUEST_MUTATIONS: readonly Mutation[] = [
  {
    mistake: "the runner of guests gets a secret",
    file: RUNNER,
    find: '\n      dynamic "env" {',
    replacement: `
      env {
        name = "DATABASE_URL"

        value_source {
          secret_key_ref {
            secret  = "DATABASE_URL"
            version = "1"
          }
        }
      }

      dynamic "env" {`,
    caughtBy: "guestsAreSealed",
    says: /what the runner is told: DATABASE_URL=a secret is too much/,
  },
  {
    mistake: "the runner of guests gets the datastore role",
    file: RUNNER,
    find: 'resource "google_cloud_run_v2_service" "this" {',
    replacement: `resource "google_project_iam_member" "firestore" {
  project = var.project_id
  role    = "roles/datastore.user"
  member  = google_service_account.this.member
}

resource "google_cloud_run_v2_service" "this" {`,
    caughtBy: "guestsAreSealed",
    says: /google_project_iam_member.*: the runner of guests has a right/,
  },
  {
    mistake: "the runner of guests is told where the bucket is",
    file: RUNTIME,
    find: "  runner     = local.runner\n",
    replacement:
      "  runner     = merge(local.runner, { environment = merge(local.runner.environment, { GCS_BUCKET = module.objects.bucket }) })\n",
    caughtBy: "guestsAreSealed",
    says: /what the runner is told: GCS_BUCKET=.* is too much/,
  },
  {
    mistake: "anybody may call the runner of guests",
    file: RUNNER,
    find: "members  = var.callers",
    replacement: 'members  = ["allUsers"]',
    caughtBy: "guestsAreSealed",
    says: /who may call the runner: allUsers is too much/,
  },
  {
    mistake: "Cloud Run lets everybody in to the runner of guests",
    file: RUNNER,
    find: "invoker_iam_disabled = false",
    replacement: "invoker_iam_disabled = true",
    caughtBy: "guestsAreSealed",
    says: /Cloud Run lets everybody in/,
  },
  {
    mistake: "the internet reaches the runner of guests",
    file: RUNNER,
    find: '"INGRESS_TRAFFIC_INTERNAL_ONLY"',
    replacement: '"INGRESS_TRAFFIC_ALL"',
    caughtBy: "guestsAreSealed",
    says: /is reached from outside/,
  },
  {
    mistake: "a function that runs no guests may call their runner",
    file: RUNTIME,
    find: ".member if function.calls_runner]",
    replacement: ".member]",
    caughtBy: "guestsAreSealed",
    says: /who may call the runner: serviceAccount:fn-ingest-file@.* is too much/,
  },
  {
    mistake: "a function that runs no guests is told where their runner is",
    file: "modules/functions/main.tf",
    find: "each.value.calls_runner ? local.of_guests : {}",
    replacement: "local.of_guests",
    caughtBy: "guestsAreSealed",
    says: /functions that are told of the runner: ingest_file .* is too much/,
  },
  {
    mistake: "guests are taken and nobody finds their runner inside",
    file: RUNTIME,
    find: "var.takes_guests && !try(var.network.has_run_app_zone, false) ? 1 : 0",
    replacement: "0",
    caughtBy: "runnerIsReachedInside",
    says: /networks in which run\.app leads inside: .* is missing/,
  },
  {
    mistake: "the names of services lead inside in another network than that of the callers",
    file: RUNTIME,
    find: "network       = local.network.network\n",
    replacement: 'network       = "projects/symphainy-prod/global/networks/default"\n',
    caughtBy: "runnerIsReachedInside",
    says: /networks in which run\.app leads inside: .*default is too much/,
  },
  {
    mistake: "the names of services lead where only a perimeter is answered",
    file: "modules/internal-dns/main.tf",
    find: "local.addresses[var.google_access]",
    replacement: "local.addresses.restricted",
    caughtBy: "runnerIsReachedInside",
    says: /what run\.app is: A 199\.36\.153\.8 is missing/,
  },
  {
    mistake: "the subnetwork of the callers does not reach Google",
    file: "modules/redis/memorystore.tf",
    find: "  private_ip_google_access = true\n",
    replacement: "",
    caughtBy: "runnerIsReachedInside",
    says: /has no Private Google Access/,
  },
];
