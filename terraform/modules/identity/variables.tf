variable "project_id" {
  description = "The project of the service accounts."
  type        = string
}

variable "functions" {
  description = "The functions' names: each gets a service account of its own."
  type        = set(string)
}

variable "firestore_database" {
  description = "The one Firestore database that the functions may read and write."
  type        = string
}

variable "repository" {
  description = "The GitHub repository (OWNER/NAME) whose workflows may act here without a key; null: none may."
  type        = string
  default     = null

  validation {
    condition     = var.repository == null || can(regex("^[\\w.-]+/[\\w.-]+$", var.repository))
    error_message = "A repository is OWNER/NAME."
  }
}

variable "release_branch" {
  description = "The branch whose workflows may apply; those of other branches may only plan."
  type        = string
  default     = "main"
}
