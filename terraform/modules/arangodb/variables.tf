variable "name" {
  description = "The deployment's name."
  type        = string
}

variable "region" {
  description = "Where it runs, such as gcp-europe-west4."
  type        = string

  validation {
    condition     = can(regex("^(gcp|aws)-[a-z0-9-]+$", var.region))
    error_message = "A region is named as gcp-europe-west4."
  }
}

variable "node_size_id" {
  description = "The size of a node, such as c4-a4."
  type        = string
}

variable "disk_gb" {
  description = "The disk of a node in GB."
  type        = number
}

variable "allowed_ranges" {
  description = "The address ranges that may connect: those that the functions go out from."
  type        = list(string)

  validation {
    condition     = length(var.allowed_ranges) > 0 && !contains(var.allowed_ranges, "0.0.0.0/0")
    error_message = "Name the ranges that may connect; 0.0.0.0/0 is everybody."
  }
}

variable "alert_emails" {
  description = "Who is written to when it is in trouble."
  type        = list(string)
}
