"""Problems whose answer is a program: hidden cases, a sandbox that runs it, a judge in another process."""
