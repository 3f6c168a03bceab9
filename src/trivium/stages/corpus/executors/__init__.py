"""Who carries the shards out: processes here (local), Ray's workers (ray), an array of batch jobs (slurm).

Each has `run(task, plan, how)` and ends with every part of the plan on disk; none has a say in what is in them.
"""
