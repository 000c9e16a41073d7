module "runtime" {
  source = "../../modules/runtime"

  environment        = "prod"
  project_id         = var.project_id
  region             = var.region
  firestore_location = var.firestore_location
  firestore_database = var.firestore_database
  manifest_file      = "${path.module}/../../../infra/schema/functions.manifest.json"
  index_file         = "${path.module}/../../../infra/schema/firestore.indexes.json"
  rules_file         = "${path.module}/../../../infra/schema/firestore.rules"

  image           = var.image
  repository      = var.repository
  domain          = var.domain
  oidc            = var.oidc
  settings        = var.settings
  cors_origins    = var.cors_origins
  producers       = var.producers
  event_consumers = var.event_consumers
  alert_emails    = var.alert_emails
  timers_waiting  = var.timers_waiting
  paused          = var.paused

  redis                      = var.redis
  supabase                   = var.supabase
  supabase_database_password = var.supabase_database_password
  arangodb                   = var.arangodb
  arangodb_password          = var.arangodb_password
  models                     = var.models
  model_api_key              = var.model_api_key
  takes_subjects             = var.takes_subjects
  subject_master_key         = var.subject_master_key
  takes_guests               = var.takes_guests
  network                    = var.network
  secret_generations         = var.secret_generations
}
