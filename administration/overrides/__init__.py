"""Commands of other apps that would act at once, replaced. An app of its own, installed before those."""
