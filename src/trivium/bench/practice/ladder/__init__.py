"""`trivium bench ladder`: models from nothing, warmed up by worked traces, then RL; rung by rung, with controls."""
