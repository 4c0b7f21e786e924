"""What a worker leaves for monitoring, beside the responses: sketches, kept predictions, and a refused champion.

All of it happens in threads after the response. What cannot be written never fails a request: it is counted.
"""
