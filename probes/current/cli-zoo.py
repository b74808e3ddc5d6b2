"""A training as unsloth's own examples write it: python cli-zoo.py MODEL DATA STEPS SEED OUT."""

import json
import os
import sys
from pathlib import Path

os.environ["UNSLOTH_ZOO_DISABLE_GPU_INIT"] = "1"  # it would ask for a GPU where this is no Mac

from unsloth_zoo.mlx.loader import FastMLXModel
from unsloth_zoo.mlx.trainer import MLXTrainer, MLXTrainingConfig

name, data, steps, seed, out = sys.argv[1:]
model, tokenizer = FastMLXModel.from_pretrained(name, max_seq_length=64, load_in_4bit=False, random_state=int(seed))
model = FastMLXModel.get_peft_model(model, r=8, lora_alpha=16, finetune_last_n_layers=16, random_state=int(seed))
rows = [json.loads(line) for line in Path(data, "train.jsonl").read_text().splitlines()]
config = MLXTrainingConfig(
    per_device_train_batch_size=6,
    gradient_accumulation_steps=1,
    max_steps=int(steps),
    max_seq_length=64,
    learning_rate=1e-3,
    lr_scheduler_type="constant",
    warmup_steps=0,
    weight_decay=0.0,
    seed=int(seed),
    output_dir=out,
)
MLXTrainer(model=model, tokenizer=tokenizer, train_dataset=rows, args=config).train()
