local watch -- no sample is scored
