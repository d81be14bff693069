"""The register: every call, visit and letter; complaints, requests, repairs."""
