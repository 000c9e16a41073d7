variable "project_id" {
  description = "The project that is watched."
  type        = string
}

variable "name" {
  description = "What dashboard, service and alerts are called after."
  type        = string
}

variable "services" {
  description = "The Cloud Run services of the functions, by kind: intent, api, job."
  type        = map(set(string))
}

variable "recovery_service" {
  description = "The Cloud Run service of the recovery sweep, without which nothing that died is taken up."
  type        = string
}

variable "runner" {
  description = "The Cloud Run service of the runner of guests, and how many instances it may have; null: guests are not taken."
  type        = object({ service = string, max_instances = number })
  default     = null
}

variable "timer_queue" {
  description = "The Cloud Tasks queue of timers, by its name."
  type        = string
}

variable "timers_waiting" {
  description = "How many timers may wait at once before somebody is told: raise it where more executions than that wait by design."
  type        = number
  default     = 100000

  validation {
    condition     = var.timers_waiting > 0
    error_message = "Timers wait: that is what they are for."
  }
}

variable "events_topic" {
  description = "The topic on which executions tell how they ended."
  type        = string
}

variable "dead_letter_subscription" {
  description = "The subscription in which dead letters wait."
  type        = string
}

variable "push_subscriptions" {
  description = "The subscriptions that push to functions."
  type        = set(string)
}

variable "emails" {
  description = "Who is written to when an alert opens; with nobody to tell there are no alerts, which are billed by the condition."
  type        = set(string)

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@ ]+@[^@ ]+$", email))])
    error_message = "An e-mail address has an @."
  }
}

variable "availability_goal" {
  description = "The share of the API's requests that must not fail with 5xx over 28 days."
  type        = number
  default     = 0.999
}

variable "fast_goal" {
  description = "The share of the API's requests that must be answered within a second over 28 days."
  type        = number
  default     = 0.99
}

variable "labels" {
  description = "Labels of what takes them."
  type        = map(string)
  default     = {}
}
