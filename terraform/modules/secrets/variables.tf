variable "project_id" {
  description = "The project of the secrets."
  type        = string
}

variable "accessors" {
  description = "By secret, named as the environment variable that carries it: the IAM members that may read it, and nobody else."
  type        = map(set(string))

  validation {
    condition     = alltrue([for name in keys(var.accessors) : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "A secret is named as its environment variable, such as REDIS_URL."
  }
}

variable "values" {
  description = "The secrets' values, by the same names. They go to Secret Manager and into no plan and no state."
  type        = map(string)
  sensitive   = true
  ephemeral   = true
}

variable "generations" {
  description = "By secret, a number to raise when its value is new; 1 unless told. A value that changes without it is not written."
  type        = map(number)
  default     = {}
}

variable "labels" {
  description = "Labels of every secret."
  type        = map(string)
  default     = {}
}
