variable "project_id" {
  description = "The project of the cluster."
  type        = string
}

variable "region" {
  description = "The region of the cluster; it spreads over the zones there."
  type        = string
  default     = "europe-west3"
}

variable "name" {
  description = "What things are called after."
  type        = string
  default     = "symphainy-control"
}

variable "operators" {
  description = "The address ranges that may reach the cluster's API, by what they are; it is reachable from nowhere else."
  type        = map(string)

  validation {
    condition     = alltrue([for range in values(var.operators) : can(cidrhost(range, 0)) && range != "0.0.0.0/0"])
    error_message = "A range is written as 198.51.100.0/24; 0.0.0.0/0 is everybody."
  }
}

variable "destroyable" {
  description = "Whether `terraform destroy` may take the cluster down."
  type        = bool
  default     = false
}
