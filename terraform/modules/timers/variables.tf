variable "project_id" {
  description = "The project of the queue."
  type        = string
}

variable "region" {
  description = "The region of the queue."
  type        = string
}

variable "functions" {
  description = "Who sets timers: the functions, by name, as IAM members."
  type        = map(object({ member = string }))
}
