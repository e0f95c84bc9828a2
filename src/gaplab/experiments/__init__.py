"""The long runs behind the verdicts: what is trained, what is measured, and the command that repeats all of it.

``python -m gaplab.experiments --help`` says how to start it; ``nox -s train`` does so in the right environment.
"""
