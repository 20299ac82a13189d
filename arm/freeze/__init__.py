"""When a family's choice holds still, because what it rests on has become doubtful."""
