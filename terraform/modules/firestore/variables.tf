variable "project_id" {
  description = "The project of the database."
  type        = string
}

variable "database" {
  description = "The database's id."
  type        = string
  default     = "(default)"
}

variable "location" {
  description = "A region, or a multi-region such as eur3 or nam5, which survives the loss of a region. It cannot be changed."
  type        = string
}

variable "protected" {
  description = "Production: point-in-time recovery (7 days), delete protection and backups."
  type        = bool
}

variable "index_file" {
  description = "The indexes and field settings: the very file that firebase.json names, so that they are said once."
  type        = string
}

variable "rules_file" {
  description = "The security rules for clients: the very file that firebase.json names."
  type        = string
}
