locals {
  manifest  = jsondecode(file(var.manifest_file))
  functions = { for function in local.manifest.functions : function.name => function if function.kind != "runner" }
  runner    = one([for function in local.manifest.functions : function if function.kind == "runner"])
  intents   = { for name, function in local.functions : name => function if function.triggers.topic != null }
  jobs      = { for name, function in local.functions : name => function if function.triggers.schedule != null }
  api       = one([for name, function in local.functions : name if function.kind == "api"])

  # Through which private addresses are reached; null: none are.
  network = var.redis.kind == "memorystore" ? module.redis.network : try({ network = var.network.network, subnetwork = var.network.subnetwork }, null)

  protected = var.environment == "prod"
  labels    = { app = var.name, environment = var.environment }
  # Any text does, as long as nobody else's tokens are made for it.
  push_audience = "${var.name}-pushes.${var.project_id}"
}

# What is embedded in the runtime is for one machine: an instance's disk is its memory, and goes with it.
check "data_is_shared" {
  assert {
    condition     = var.supabase != null
    error_message = "Without Supabase there are no records: intents that need them are refused."
  }

  assert {
    condition     = local.has_graph
    error_message = "Without ArangoDB and its URL there is no graph: intents that need it are refused."
  }
}

module "project_services" {
  source = "../project-services"

  project_id = var.project_id
  services = setunion(
    var.domain == null && var.network == null && var.redis.kind == "upstash" ? [] : ["compute.googleapis.com"],
    var.redis.kind == "upstash" ? [] : ["redis.googleapis.com", "servicenetworking.googleapis.com"],
    var.takes_guests ? ["dns.googleapis.com"] : [],
  )
}

module "identity" {
  source = "../identity"

  project_id         = module.project_services.project_id
  functions          = keys(local.functions)
  firestore_database = var.firestore_database
  repository         = var.repository
}

module "images" {
  source = "../images"

  project_id = module.project_services.project_id
  location   = var.region
  name       = var.name
  writers    = module.identity.image_writers
  labels     = local.labels
}

module "firestore" {
  source = "../firestore"

  project_id = module.project_services.project_id
  database   = var.firestore_database
  location   = coalesce(var.firestore_location, var.region)
  protected  = local.protected
  index_file = var.index_file
  rules_file = var.rules_file
}

module "objects" {
  source = "../objects"

  project_id   = module.project_services.project_id
  name         = "${var.project_id}-${var.name}-objects"
  location     = var.region
  writers      = local.members
  cors_origins = var.cors_origins
  destroyable  = !local.protected
  labels       = local.labels
}

module "redis" {
  source = "../redis"

  name             = "${var.name}-${var.environment}"
  kind             = var.redis.kind
  upstash_region   = var.redis.upstash_region
  project_id       = module.project_services.project_id
  region           = var.region
  memory_gb        = var.redis.memory_gb
  highly_available = var.redis.highly_available
}

module "supabase" {
  source = "../supabase"
  count  = var.supabase == null ? 0 : 1

  name              = "${var.name}-${var.environment}"
  organization_id   = var.supabase.organization_id
  region            = var.supabase.region
  instance_size     = var.supabase.instance_size
  database_password = var.supabase_database_password
}

module "arangodb" {
  source = "../arangodb"
  count  = var.arangodb == null ? 0 : 1

  name           = "${var.name}-${var.environment}"
  region         = var.arangodb.region
  node_size_id   = var.arangodb.node_size_id
  disk_gb        = var.arangodb.disk_gb
  allowed_ranges = var.arangodb.allowed_ranges
  alert_emails   = var.alert_emails
}

module "secrets" {
  source = "../secrets"

  project_id  = module.project_services.project_id
  accessors   = local.accessors
  values      = local.secret_values
  generations = var.secret_generations
  labels      = local.labels
}

# It knows no other module, so that it can be given nothing: no account of a function, no secret, no store.
module "wasm_runner" {
  source = "../wasm-runner"
  count  = var.takes_guests ? 1 : 0

  project_id = module.project_services.project_id
  region     = var.region
  image      = var.image
  runner     = local.runner
  callers    = [for name, function in local.functions : module.identity.functions[name].member if function.calls_runner]
  labels     = local.labels
}

# The runner lets in only what comes through the network: its callers must find it there.
module "internal_dns" {
  source = "../internal-dns"
  count  = var.takes_guests && !try(var.network.has_run_app_zone, false) ? 1 : 0

  project_id    = module.project_services.project_id
  name          = "${var.name}-${var.environment}"
  network       = local.network.network
  subnetwork    = try(var.network.subnetwork, null)
  google_access = try(var.network.google_access, "private")
  labels        = local.labels
}

module "functions" {
  source = "../functions"

  project_id       = module.project_services.project_id
  region           = var.region
  image            = var.image
  functions        = local.functions
  service_accounts = module.identity.functions
  environment      = local.function_environment
  secrets          = module.secrets.references
  exposure         = var.domain == null ? "internal" : "edge"
  api_invokers     = var.api_invokers
  job_invoker      = module.identity.scheduler.member
  network          = local.network
  runner_url       = one(module.wasm_runner[*].url)
  labels           = local.labels
}

module "timers" {
  source = "../timers"

  project_id = module.project_services.project_id
  region     = var.region
  functions  = { for name, account in module.identity.functions : name => { member = account.member } }
}

module "events" {
  source = "../events"

  project_id            = module.project_services.project_id
  events_topic          = local.manifest.events_topic
  dead_letter_topic     = local.manifest.dead_letter_topic
  max_delivery_attempts = local.manifest.max_delivery_attempts
  intents = {
    for name, function in local.intents : name => {
      topic           = function.triggers.topic
      uri             = module.functions.services[name].uri
      timeout_seconds = function.timeout_seconds
    }
  }
  publishers = local.members
  # Whoever names an intent that is not there is told so.
  producers = {
    for topic in values(local.topic_of) : topic => setunion(
      [module.timers.member],
      [for type, members in var.producers : members if local.topic_of[type] == topic]...
    )
  }
  event_consumers      = var.event_consumers
  push_audience        = local.push_audience
  push_service_account = module.identity.pushes_email
  labels               = local.labels
}

module "schedules" {
  source = "../schedules"

  project_id = module.project_services.project_id
  region     = var.region
  jobs = {
    for name, function in local.jobs : name => {
      schedule        = function.triggers.schedule
      uri             = module.functions.services[name].uri
      timeout_seconds = function.timeout_seconds
    }
  }
  caller_email = module.identity.scheduler.email
  paused       = var.paused
}

module "observability" {
  source = "../observability"

  project_id = module.project_services.project_id
  name       = var.name
  services = {
    for kind in ["intent", "api", "job"] : kind => [
      for name, function in local.functions : module.functions.services[name].name if function.kind == kind
    ]
  }
  runner = one([
    for runner in module.wasm_runner : { service = runner.name, max_instances = local.runner.max_instances }
  ])
  timer_queue              = module.timers.queue
  timers_waiting           = var.timers_waiting
  recovery_service         = module.functions.services["recovery_sweep"].name
  events_topic             = module.events.events_topic
  dead_letter_subscription = module.events.dead_letter_subscription
  push_subscriptions       = values(module.events.push_subscriptions)
  emails                   = var.alert_emails
  labels                   = local.labels
}

module "edge" {
  source = "../edge"
  count  = var.domain == null ? 0 : 1

  project_id      = module.project_services.project_id
  region          = var.region
  name            = var.name
  domain          = var.domain
  api_service     = module.functions.services[local.api].name
  intent_services = { for name, function in local.intents : function.triggers.http => module.functions.services[name].name }
}
