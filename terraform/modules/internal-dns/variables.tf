variable "project_id" {
  description = "The project of the zone."
  type        = string
}

variable "name" {
  description = "What the zone is called after."
  type        = string
}

variable "network" {
  description = "The network in which services are looked up: projects/PROJECT/global/networks/NAME."
  type        = string

  validation {
    condition     = can(regex("projects/[^/]+/global/networks/[^/]+$", var.network))
    error_message = "A zone is bound to a network by its whole name: projects/PROJECT/global/networks/NAME."
  }
}

variable "subnetwork" {
  description = "The subnetwork of the callers, to see that it has Private Google Access; null: it is made beside this module, and has."
  type        = string
  default     = null
}

variable "google_access" {
  description = "By which addresses: private, or restricted, where a VPC Service Controls perimeter has Cloud Run inside."
  type        = string
  default     = "private"

  validation {
    condition     = contains(["private", "restricted"], var.google_access)
    error_message = "The way is private or restricted."
  }
}

variable "labels" {
  description = "Labels of the zone."
  type        = map(string)
  default     = {}
}
