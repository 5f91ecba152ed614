"""Looking at a picture, planning its size, and making what is sent of it.

Probe (header only) -> plan (pure arithmetic) -> prepare (pixels); received
looks at what comes back. Nothing outside this package needs Pillow.
"""
