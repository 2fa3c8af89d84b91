"""From labelled Examples to students.

``labkit train RECIPE`` runs on one device. On several, the same command is started once for each,
and every step's queries are divided among the processes; the gradient stays that of one process,
which is a test on two CPU processes::

    torchrun --nproc_per_node 8 -m labkit train qwen3-4b --data ... --out runs/qwen3-4b

Each process then holds the whole base: in bfloat16 the 4B student's is 8 GB. Where the optimiser's
state is what does not fit, as in tuning with ``adapter.rank=0``, DeepSpeed's ZeRO stage 1 or 2
divides that and the gradients, through accelerate::

    accelerate launch --config_file zero2.yaml -m labkit train qwen3-4b --data ... --out ...

    # zero2.yaml
    compute_environment: LOCAL_MACHINE
    distributed_type: DEEPSPEED
    mixed_precision: bf16
    num_machines: 1
    num_processes: 8
    deepspeed_config: {zero_stage: 2, gradient_accumulation_steps: auto, gradient_clipping: auto}

This second form follows the documents of accelerate and of ``transformers.Trainer`` and was not run
by us: no machine with several GPUs was at hand. FSDP and ZeRO stage 3, which divide the weights
themselves, do not fit this trainer: they want all processes to call every layer equally often, and
here each process reads as many chunks of pairs as its share of the step needs.
"""

from __future__ import annotations
