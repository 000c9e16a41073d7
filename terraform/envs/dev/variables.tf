variable "project_id" {
  description = "The Google Cloud project of this environment."
  type        = string
}

variable "region" {
  description = "The region of everything that has one."
  type        = string
  default     = "europe-west3"
}

variable "image" {
  description = "The image by digest."
  type        = string
}

variable "oidc" {
  description = "Whose tokens are believed, and for whom they are made."
  type        = object({ issuer = string, audience = string })
}

variable "settings" {
  description = "More environment variables of every function (README: Configuration)."
  type        = map(string)
  default     = {}
}

variable "developers" {
  description = "The IAM members that may call the API, such as group:developers@example.com."
  type        = set(string)
}

variable "repository" {
  description = "The GitHub repository (OWNER/NAME) whose workflows may plan and apply; null: none."
  type        = string
  default     = null
}

variable "alert_emails" {
  description = "Who is written to when an alert opens."
  type        = set(string)
  default     = []
}

variable "upstash_email" {
  description = "The account at Upstash."
  type        = string
}

variable "upstash_api_key" {
  description = "The account's management key (TF_VAR_upstash_api_key)."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "supabase" {
  description = "Postgres for records, and an issuer of tokens; null: intents that need records are refused."
  type        = object({ organization_id = string, region = string, instance_size = optional(string) })
  default     = null
}

variable "supabase_database_password" {
  description = "The password of Supabase's database (TF_VAR_supabase_database_password); needed with supabase."
  type        = string
  default     = null
  sensitive   = true
}

variable "arangodb" {
  description = "The graph in ArangoDB's cloud, which costs also while nobody uses it; null: intents that need it are refused. Its URL is known only once it runs: leave it null in the first apply."
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

variable "secret_generations" {
  description = "By secret, a number to raise when its value is new."
  type        = map(number)
  default     = {}
}
