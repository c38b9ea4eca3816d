"""Changed since last time? Two passages of one conveyance, laid over each other and compared where no load hides it."""
