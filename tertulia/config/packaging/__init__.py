"""What leaves a checkout for another machine: the deployment archive, its pre-flight, its bill of materials."""
