variable "project_id" {
  description = "The project of the load balancer."
  type        = string
}

variable "region" {
  description = "The region of the services behind it."
  type        = string
}

variable "name" {
  description = "What its parts are called after."
  type        = string
}

variable "domain" {
  description = "The name that callers use. Its A record must lead to the address that comes out, or no certificate is issued."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "A domain is a name such as api.example.com."
  }
}

variable "api_service" {
  description = "The Cloud Run service of the API, which takes every path that is no intent's own."
  type        = string
}

variable "intent_services" {
  description = "The Cloud Run services of intents, by the path of the intent."
  type        = map(string)

  validation {
    condition     = alltrue([for path in keys(var.intent_services) : can(regex("^/[a-z0-9_]+/[a-z0-9_]+$", path))])
    error_message = "An intent's path is /REALM/INTENT."
  }
}

variable "requests_per_minute" {
  description = "How many requests a minute one address may make before it gets 429; tenants' own limits are the runtime's."
  type        = number
  default     = 1200
}
