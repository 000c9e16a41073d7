variable "project_id" {
  description = "The project of the service."
  type        = string
}

variable "region" {
  description = "The region of the service: that of its callers."
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

variable "runner" {
  description = "The entry of kind runner in infra/schema/functions.manifest.json."
  type = object({
    name = string
    kind = string

    memory_mb       = number
    cpu             = number
    timeout_seconds = number
    concurrency     = number
    min_instances   = number
    max_instances   = number

    environment = map(string)
    secrets     = set(string)
  })

  validation {
    condition     = length(var.runner.secrets) == 0
    error_message = "What runs the code of tenants is given no secret."
  }

  validation {
    condition     = var.runner.max_instances > 0
    error_message = "It has a greatest number of instances: without one a flood is a bill."
  }
}

variable "callers" {
  description = "The IAM members that may call it: the accounts of the functions that run guests, and nobody else."
  type        = set(string)

  validation {
    condition     = alltrue([for member in var.callers : startswith(member, "serviceAccount:")])
    error_message = "Only functions call the runner, as their service accounts."
  }
}

variable "labels" {
  description = "Labels of the service."
  type        = map(string)
  default     = {}
}
