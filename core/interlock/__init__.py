"""x"""
from interlock._machine import Machine
from interlock._run import Run
