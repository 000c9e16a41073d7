variable "project_id" {
  description = "The project of the schedules."
  type        = string
}

variable "region" {
  description = "The region of the schedules."
  type        = string
}

variable "jobs" {
  description = "The functions that are called by the clock, by name: when (cron, UTC), at which URL, and how long a call may take."
  type        = map(object({ schedule = string, uri = string, timeout_seconds = number }))
}

variable "caller_email" {
  description = "The account in whose name they are called; their services let it in."
  type        = string
}

variable "paused" {
  description = "Whether nothing is called: for a restore, while the database is exchanged."
  type        = bool
  default     = false
}
