"""What models know, measured: how fast an audit is, what refusals do in the town, and on open weights."""
