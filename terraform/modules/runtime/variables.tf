variable "project_id" {
  description = "The Google Cloud project, one for each environment."
  type        = string
}

variable "name" {
  description = "What things are called after where a name is needed."
  type        = string
  default     = "symphainy"
}

variable "environment" {
  description = "dev or prod: a label, and how much is protected. Only prod has point-in-time recovery, backups and delete protection."
  type        = string

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "The environment is dev or prod."
  }
}

variable "region" {
  description = "The region of functions, bucket, schedules and image."
  type        = string
}

variable "firestore_location" {
  description = "Firestore's region or multi-region; null: the region of the functions. It cannot be changed."
  type        = string
  default     = null
}

variable "manifest_file" {
  description = "The functions: infra/schema/functions.manifest.json of the build that the image was made of."
  type        = string
}

variable "index_file" {
  description = "Firestore's indexes: infra/schema/firestore.indexes.json."
  type        = string
}

variable "rules_file" {
  description = "Firestore's rules: infra/schema/firestore.rules."
  type        = string
}

variable "image" {
  description = "The image by digest."
  type        = string
}

variable "repository" {
  description = "The GitHub repository (OWNER/NAME) whose workflows may plan and apply; null: none."
  type        = string
  default     = null
}

variable "oidc" {
  description = "Whose tokens are believed: the issuer, and for whom they are made. Without an issuer, that of Supabase is taken."
  type        = object({ issuer = optional(string), audience = string })
}

variable "firestore_database" {
  description = "The Firestore database that functions work on; another one after a restore from a point in time."
  type        = string
  default     = "(default)"

  validation {
    condition     = var.firestore_database == "(default)" || can(regex("^[a-z][a-z0-9-]{2,61}[a-z0-9]$", var.firestore_database))
    error_message = "A database is (default), or 4 to 63 lower-case letters, digits and hyphens."
  }
}

variable "settings" {
  description = "More environment variables of every function, such as LOG_LEVEL, RATE_INTENTS_PER_CALLER or TENANT_LIMITS (README: Configuration)."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : !can(regex("(TOKEN|PASSWORD|SECRET|_KEY$|_URL$)", name))])
    error_message = "What carries a secret is no setting: it would be readable in the service's description."
  }

  validation {
    condition     = contains(["debug", "info"], lookup(var.settings, "LOG_LEVEL", "info"))
    error_message = "Alerts read what jobs log at the level info: with less they would see nothing."
  }
}

variable "domain" {
  description = "The name under which callers reach the runtime, through a load balancer with Cloud Armor; null: no edge, no cost."
  type        = string
  default     = null
}

variable "api_invokers" {
  description = "Without a domain: the IAM members that may call the API at its run.app URL."
  type        = set(string)
  default     = []
}

variable "cors_origins" {
  description = "The web pages that may use signed URLs of the bucket."
  type        = set(string)
  default     = []
}

variable "producers" {
  description = "By intent type, the IAM members outside the runtime that may publish intents."
  type        = map(set(string))
  default     = {}
}

variable "event_consumers" {
  description = "By name of a subscription, the IAM members that may pull events."
  type        = map(set(string))
  default     = {}
}

variable "alert_emails" {
  description = "Who is written to when an alert opens."
  type        = set(string)
  default     = []
}

variable "paused" {
  description = "Whether the schedules stand still: for a restore."
  type        = bool
  default     = false
}

variable "redis" {
  description = "Which Redis: upstash or memorystore, where (Upstash's regions are those of AWS), how large and how available (Memorystore)."
  type = object({
    kind             = string
    upstash_region   = optional(string, "eu-central-1")
    memory_gb        = optional(number, 1)
    highly_available = optional(bool, false)
  })
}

variable "supabase" {
  description = "Postgres for records, and an issuer of tokens; null: intents that need records are refused."
  type = object({
    organization_id = string
    region          = string
    instance_size   = optional(string)
  })
  default = null
}

variable "supabase_database_password" {
  description = "The password of Supabase's database; needed with supabase."
  type        = string
  default     = null
  sensitive   = true
}

variable "arangodb" {
  description = "The graph in ArangoDB's cloud; null: intents that need it are refused. Its URL is known only once it runs: leave it null in the first apply."
  type = object({
    region         = string
    node_size_id   = string
    disk_gb        = number
    allowed_ranges = list(string)
    url            = optional(string)
  })
  default = null
}

variable "arangodb_password" {
  description = "The password of ArangoDB's root user, from its dashboard; needed with arangodb.url."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}

variable "models" {
  description = "Whose models are asked (openai, anthropic or huggingface, README: Configuration) and by which names; null: the built-in ones."
  type        = object({ kind = string, completion = optional(string), embedding = optional(string) })
  default     = null
}

variable "model_api_key" {
  description = "The key for the models; needed with models."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}

variable "takes_subjects" {
  description = "Whether data of subjects is taken, which can be erased for good; needs supabase and subject_master_key."
  type        = bool
  default     = false

  validation {
    condition     = !var.takes_subjects || var.supabase != null
    error_message = "Subjects need supabase: their keys rest in Postgres, wrapped by subject_master_key."
  }
}

variable "subject_master_key" {
  description = "32 bytes in base64 that wrap the keys of subjects; needed with takes_subjects. Keep it elsewhere too: without it their data is lost."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}

variable "takes_guests" {
  description = "Whether tenants' own modules are taken and run, in a service of their own (modules/wasm-runner); needs a network."
  type        = bool
  default     = false

  validation {
    condition     = !var.takes_guests || var.redis.kind == "memorystore" || var.network != null
    error_message = "Functions reach the runner of guests through a network: give one, or take Memorystore, which comes with one."
  }
}

variable "network" {
  description = <<-EOT
    With Upstash, a network and subnetwork of yours through which functions reach private addresses, and with guests their runner
    (modules/internal-dns). has_run_app_zone: it leads run.app inside already. google_access: restricted, where a perimeter of VPC Service
    Controls has Cloud Run inside.
  EOT
  type = object({
    network          = string
    subnetwork       = string
    has_run_app_zone = optional(bool, false)
    google_access    = optional(string, "private")
  })
  default = null

  validation {
    condition     = var.network == null || var.redis.kind == "upstash"
    error_message = "Memorystore comes with its own network: leave this one out."
  }
}

variable "timers_waiting" {
  description = "How many timers may wait at once before somebody is told."
  type        = number
  default     = 100000
}

variable "secret_generations" {
  description = "By secret, a number to raise when its value is new."
  type        = map(number)
  default     = {}
}
