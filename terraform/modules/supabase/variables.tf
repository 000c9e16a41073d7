variable "name" {
  description = "The project's name."
  type        = string
}

variable "organization_id" {
  description = "The organization's slug at Supabase."
  type        = string
}

variable "region" {
  description = "Where it runs; Supabase's regions are those of AWS."
  type        = string
}

variable "instance_size" {
  description = "Its compute, such as micro or small; null: as the organization's plan has it."
  type        = string
  default     = null
}

variable "database_password" {
  description = "The database's password. The provider keeps it in the state, so the state is a secret too."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.database_password) >= 20
    error_message = "The password has 20 characters at least."
  }
}
