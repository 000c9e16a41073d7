variable "project_id" {
  description = "The project of the services."
  type        = string
}

variable "region" {
  description = "The region of the services."
  type        = string
}

variable "image" {
  description = "The image with all bundles, by digest: HOST/PROJECT/REPOSITORY/NAME@sha256:..."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by digest (...@sha256:...): a tag such as latest may be another image tomorrow."
  }
}

variable "functions" {
  description = "The functions as infra/schema/functions.manifest.json describes them, by name."
  type = map(object({
    name     = string
    kind     = string
    triggers = object({ http = string, topic = optional(string), schedule = optional(string) })

    memory_mb       = number
    cpu             = number
    timeout_seconds = number
    concurrency     = number
    min_instances   = number
    max_instances   = number
    calls_runner    = bool

    environment        = map(string)
    environment_needed = set(string)
    secrets            = set(string)
  }))

  validation {
    condition     = alltrue([for function in values(var.functions) : function.max_instances > 0])
    error_message = "Every function has a greatest number of instances: without one a flood is a bill."
  }
}

variable "service_accounts" {
  description = "The account that each function runs as, by the function's name."
  type        = map(object({ email = string, member = string }))
}

variable "environment" {
  description = "What this deployment adds to the environment of every function."
  type        = map(string)
}

variable "secrets" {
  description = "The secrets that this deployment has, by environment variable. A function is given those that it lists."
  type        = map(object({ secret = string, version = string }))
}

variable "runner_url" {
  description = "Where the runner of guests is, for the functions that call it; null: guests are refused."
  type        = string
  default     = null
}

variable "exposure" {
  description = <<-EOT
    How callers reach the functions. "edge": by the load balancer alone; Cloud Run lets everybody through, since tokens of tenants are
    not Google's, and each function checks them itself. "internal": there is no load balancer; the API asks for Google's own identity
    first (run.invoker), and the intents take pushes only.
  EOT
  type        = string

  validation {
    condition     = contains(["edge", "internal"], var.exposure)
    error_message = "The exposure is edge or internal."
  }
}

variable "api_invokers" {
  description = "The IAM members that may call the API where there is no edge."
  type        = set(string)
  default     = []
}

variable "job_invoker" {
  description = "The IAM member that calls the jobs, and nobody else does."
  type        = string
}

variable "network" {
  description = "The network and subnetwork through which private addresses are reached (Memorystore); null: none."
  type        = object({ network = string, subnetwork = string })
  default     = null
}

variable "labels" {
  description = "Labels of every service."
  type        = map(string)
  default     = {}
}
