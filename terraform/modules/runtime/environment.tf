locals {
  members  = [for account in module.identity.functions : account.member]
  topic_of = { for function in values(local.intents) : function.intent_type => function.triggers.topic }

  # What every function of this deployment finds in its environment besides what the manifest says.
  function_environment = merge(
    var.settings,
    {
      GOOGLE_CLOUD_PROJECT = var.project_id
      FIRESTORE_DATABASE   = module.firestore.database
      GCS_BUCKET           = module.objects.bucket
      OIDC_ISSUER          = var.oidc.issuer != null ? var.oidc.issuer : one(module.supabase[*].issuer)
      OIDC_AUDIENCE        = var.oidc.audience
      PUSH_AUDIENCE        = local.push_audience
      PUSH_SERVICE_ACCOUNT = module.identity.pushes_email
    },
    module.redis.environment,
    module.timers.environment,
    var.supabase == null ? {} : { RECORDS = "postgres" },
    local.has_graph ? { GRAPH = "arango", ARANGO_URL = var.arangodb.url } : {},
    local.models,
  )
  models = var.models == null ? {} : {
    for name, value in { MODELS = var.models.kind, MODEL_COMPLETION = var.models.completion, MODEL_EMBEDDING = var.models.embedding } :
    name => value if value != null
  }
  has_graph = try(var.arangodb.url, null) != null

  # The secrets that this deployment has. Their names decide what is created, so they are told without their values.
  secret_names = toset(concat(
    [for name in local.manifest.redis[var.redis.kind].secrets : name],
    var.supabase == null ? [] : ["DATABASE_URL"],
    local.has_graph ? ["ARANGO_PASSWORD"] : [],
    var.models == null ? [] : ["MODEL_API_KEY"],
    var.takes_subjects ? ["SUBJECT_MASTER_KEY"] : [],
  ))
  secret_values = merge(
    module.redis.secrets,
    { DATABASE_URL = one(module.supabase[*].database_url) },
    { ARANGO_PASSWORD = var.arangodb_password, MODEL_API_KEY = var.model_api_key },
    { SUBJECT_MASTER_KEY = var.subject_master_key },
  )
  accessors = {
    for secret in local.secret_names : secret => [
      for name, function in local.functions : module.identity.functions[name].member if contains(function.secrets, secret)
    ]
    # What no function reads is not kept.
    if anytrue([for function in values(local.functions) : contains(function.secrets, secret)])
  }
}
