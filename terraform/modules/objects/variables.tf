variable "project_id" {
  description = "The project of the bucket."
  type        = string
}

variable "name" {
  description = "The bucket's name, which is unique in all of Google Cloud."
  type        = string
}

variable "location" {
  description = "A region, or a multi-region such as EU."
  type        = string
}

variable "writers" {
  description = "The IAM members that may read, write and delete objects: the functions, and nobody else."
  type        = set(string)
}

variable "cors_origins" {
  description = "The web pages that may upload and download by signed URLs, such as https://app.example.com; empty: none."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https://[^/*]+$", origin))])
    error_message = "An origin is https://HOST; a star would let any page use a URL that leaked."
  }
}

variable "destroyable" {
  description = "Whether `terraform destroy` may delete the bucket with all objects in it."
  type        = bool
  default     = false
}

variable "labels" {
  description = "Labels of the bucket."
  type        = map(string)
  default     = {}
}
