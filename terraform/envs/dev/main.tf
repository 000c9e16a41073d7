# Costs nothing while nobody uses it, but for the schedules' calls each minute: no load balancer, no network, no instance that waits.
module "runtime" {
  source = "../../modules/runtime"

  environment   = "dev"
  project_id    = var.project_id
  region        = var.region
  manifest_file = "${path.module}/../../../infra/schema/functions.manifest.json"
  index_file    = "${path.module}/../../../infra/schema/firestore.indexes.json"
  rules_file    = "${path.module}/../../../infra/schema/firestore.rules"

  image              = var.image
  repository         = var.repository
  oidc               = var.oidc
  settings           = var.settings
  api_invokers       = var.developers
  alert_emails       = var.alert_emails
  redis              = { kind = "upstash" }
  secret_generations = var.secret_generations

  supabase                   = var.supabase
  supabase_database_password = var.supabase_database_password
  arangodb                   = var.arangodb
  arangodb_password          = var.arangodb_password
}
