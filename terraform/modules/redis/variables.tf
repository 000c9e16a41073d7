variable "name" {
  description = "The database's name."
  type        = string
}

variable "kind" {
  description = "\"upstash\": billed by the command, reached over HTTPS; \"memorystore\": billed by the hour, in the project's own network."
  type        = string

  validation {
    condition     = contains(["upstash", "memorystore"], var.kind)
    error_message = "The kind is upstash or memorystore."
  }
}

variable "upstash_region" {
  description = "Where Upstash keeps it: regions are those of AWS. Take the one next to the functions' region."
  type        = string
  default     = "eu-central-1"
}

variable "project_id" {
  description = "The project, for Memorystore."
  type        = string
}

variable "region" {
  description = "The region, for Memorystore."
  type        = string
}

variable "memory_gb" {
  description = "Memorystore's size in GB."
  type        = number
  default     = 1

  validation {
    condition     = var.memory_gb >= 1 && var.memory_gb == floor(var.memory_gb)
    error_message = "Memorystore is sized in whole GB."
  }
}

variable "highly_available" {
  description = "Whether Memorystore has a replica in another zone."
  type        = bool
  default     = false
}
