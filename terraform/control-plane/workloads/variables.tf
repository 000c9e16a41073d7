variable "project_id" {
  description = "The project of the cluster."
  type        = string
}

variable "region" {
  description = "The region of the cluster."
  type        = string
  default     = "europe-west3"
}

variable "cluster" {
  description = "The cluster's name: the output of the cluster's root."
  type        = string
  default     = "symphainy-control"
}

variable "accounts" {
  description = "The e-mail addresses of the accounts that the workloads act as: the output of the cluster's root."
  type        = object({ curator = string, telemetry = string })
}

variable "curator_image" {
  description = "The curator's image by digest."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.curator_image))
    error_message = "Name the image by digest (...@sha256:...)."
  }
}

variable "collector_image" {
  description = "The image of the OpenTelemetry collector (contrib, for Google's exporter), by digest."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.collector_image))
    error_message = "Name the image by digest (...@sha256:...)."
  }
}
