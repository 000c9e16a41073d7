variable "project_id" {
  description = "The project of the topics."
  type        = string
}

variable "events_topic" {
  description = "Where the runtime publishes events."
  type        = string
}

variable "dead_letter_topic" {
  description = "Where messages end that can never become an execution, and those that Pub/Sub gives up."
  type        = string
}

variable "max_delivery_attempts" {
  description = "How often a message is delivered before Pub/Sub gives it up; 100 as ADR 0013 says."
  type        = number
}

variable "intents" {
  description = "The functions that take messages, by name: their topic, their service's URL, and how long one request of theirs may take."
  type        = map(object({ topic = string, uri = string, timeout_seconds = number }))
}

variable "publishers" {
  description = "The IAM members that publish events and hand executions on: the functions."
  type        = set(string)
}

variable "producers" {
  description = "By intent topic, the IAM members outside the runtime that may publish intents. Whoever may publish may name any tenant."
  type        = map(set(string))
  default     = {}

  validation {
    condition     = alltrue([for topic in keys(var.producers) : contains([for intent in values(var.intents) : intent.topic], topic)])
    error_message = "A producer names the topic of an intent that there is."
  }
}

variable "event_consumers" {
  description = "Ordered pull subscriptions of the events topic, by name, each with the IAM members that may pull it."
  type        = map(set(string))
  default     = {}
}

variable "push_audience" {
  description = "For whom the tokens of pushes are made: the functions' PUSH_AUDIENCE."
  type        = string
}

variable "push_service_account" {
  description = "The e-mail address of the account for which they are signed: the functions' PUSH_SERVICE_ACCOUNT."
  type        = string
}

variable "labels" {
  description = "Labels of topics and subscriptions."
  type        = map(string)
  default     = {}
}
