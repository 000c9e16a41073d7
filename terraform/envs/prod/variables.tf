variable "project_id" {
  description = "The Google Cloud project of this environment."
  type        = string
}

variable "region" {
  description = "The region of everything that has one."
  type        = string
  default     = "europe-west3"
}

variable "firestore_location" {
  description = "Firestore's multi-region, which outlives a region; it cannot be changed."
  type        = string
  default     = "eur3"
}

variable "firestore_database" {
  description = "The Firestore database; another one after a restore from a point in time."
  type        = string
  default     = "(default)"
}

variable "image" {
  description = "The image by digest."
  type        = string
}

variable "domain" {
  description = "The name under which callers reach the runtime."
  type        = string
}

variable "oidc" {
  description = "Whose tokens are believed, and for whom they are made; without an issuer, Supabase's."
  type        = object({ issuer = optional(string), audience = string })
}

variable "settings" {
  description = "More environment variables of every function (README: Configuration)."
  type        = map(string)
  default     = {}
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

variable "repository" {
  description = "The GitHub repository (OWNER/NAME) whose workflows may plan and apply; null: none."
  type        = string
  default     = null
}

variable "alert_emails" {
  description = "Who is written to when an alert opens: one at least."
  type        = set(string)

  validation {
    condition     = length(var.alert_emails) > 0
    error_message = "Somebody must be told."
  }
}

variable "paused" {
  description = "Whether the schedules stand still: for a restore."
  type        = bool
  default     = false
}

variable "redis" {
  description = "Which Redis: upstash, or memorystore in a network of its own."
  type = object({
    kind             = string
    upstash_region   = optional(string, "eu-central-1")
    memory_gb        = optional(number, 1)
    highly_available = optional(bool, true)
  })
  default = { kind = "upstash" }
}

variable "upstash_email" {
  description = "The account at Upstash; empty with Memorystore."
  type        = string
  default     = ""
}

variable "upstash_api_key" {
  description = "The account's management key (TF_VAR_upstash_api_key); empty with Memorystore."
  type        = string
  default     = ""
  sensitive   = true
  ephemeral   = true
}

variable "supabase" {
  description = "Postgres for records, and an issuer of tokens. Without it intents that need records would be refused."
  type        = object({ organization_id = string, region = string, instance_size = optional(string) })
  nullable    = false
}

variable "supabase_database_password" {
  description = "The password of Supabase's database (TF_VAR_supabase_database_password)."
  type        = string
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
  description = "The password of ArangoDB's root user (TF_VAR_arangodb_password)."
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
  description = "The key for the models (TF_VAR_model_api_key); needed with models."
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
  description = "32 bytes in base64 that wrap the keys of subjects (TF_VAR_subject_master_key); needed with takes_subjects. Keep it elsewhere too: without it their data is lost."
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
  description = "How many timers may wait at once before somebody is told: raise it where more executions than that wait by design."
  type        = number
  default     = 100000
}

variable "secret_generations" {
  description = "By secret, a number to raise when its value is new."
  type        = map(number)
  default     = {}
}
